import { minutes, seconds, type Milliseconds } from '@managed-consul/config';
import { closeInstallation, reopenInstallation } from '@managed-consul/usage';
import { collectOwedUsage, countUnsent, sendBatch } from '@managed-consul/usage-emission';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { applicationIdOf } from './application';

/** How long the removal of a place waits for Azure to take its last usage. */
const SENT_WITHIN: Milliseconds = minutes(10);
/** Events that another process holds, or that had no answer, are looked at again after this long. */
const LOOK_AGAIN: Milliseconds = seconds(5);

const installationOf = ({ database }: Pick<Step, 'database'>, applicationId: string) =>
  database.prisma.installation.findUnique({ where: { applicationId } });

/** Billing ends, and the hours up to now are written into the ledger: Azure takes nothing more once the application is gone. */
export async function closeUsage(step: Step) {
  const installation = await installationOf(step, applicationIdOf(step));
  if (!installation) return done({ installationId: null, closedAt: null });
  const closedAt = await closeInstallation(step.database, installation.id, step.clock.now());
  return done({ installationId: installation.id, closedAt: closedAt.toISOString() });
}

/**
 * Sends what the application still owes, its last hour as far as it got. An Azure that takes nothing holds the removal up for ten
 * minutes; what it has not taken by then stays owed, where operators see it.
 */
export async function lastUsageIsSent(step: Step) {
  const { database, azure, clock, log, signal } = step;
  const { installationId, closedAt } = step.outputOf(closeUsage);
  if (installationId === null) return done({ left: 0 });
  await collectOwedUsage(database, clock.now());
  for (let sent = 1; sent > 0 && !signal.aborted;)
    sent = (await sendBatch({ database, metering: azure.metering, clock, signal }, installationId)).events;
  const left = await countUnsent(database, clock.now(), installationId);
  if (left === 0) return done({ left });
  if (clock.now().getTime() - Date.parse(closedAt) < SENT_WITHIN)
    return waitFor(`The last usage is being sent to Azure (${left} events left)`, LOOK_AGAIN);
  log.error({ alarm: true, installationId, left }, 'Azure did not take the last usage of an application that is deleted');
  return done({ left });
}

/** The application was not deleted after all: it is billed again. */
export async function reopenUsage(step: Step) {
  const installation = await installationOf(step, applicationIdOf(step));
  if (installation && installation.state !== 'Deleting' && installation.state !== 'Deleted')
    await reopenInstallation(step.database, installation.id, step.clock.now());
  return done();
}
