import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { compareHourIn, correctHourIn, hourOf, type Mismatch } from '@managed-consul/usage';
import { sendParkedAgain } from '@managed-consul/usage-emission';
import type { Change } from '../change';

/** Has parked events of an installation sent again. Throws ResourceNotFound, or Conflict when none is parked. */
export async function planResend(tx: Transaction, installationId: string, clock: Clock = systemClock): Promise<Change> {
  const installation = await tx.installation.findUnique({ where: { id: installationId } });
  if (!installation) throw new AppError('ResourceNotFound', `There is no installation ${installationId}.`);
  const parked = await tx.usageEmission.findMany({
    where: { installationId, state: 'Parked' },
    select: { problem: true },
  });
  if (parked.length === 0) throw new AppError('Conflict', `No event of installation ${installationId} is parked.`);
  return {
    action: 'resend-usage',
    summary: `${parked.length} events that Azure refused are sent again.`,
    before: { parked: parked.length, problems: [...new Set(parked.map(({ problem }) => problem))].slice(0, 10) },
    after: { parked: 0 },
    installationId,
    apply: async () => {
      await sendParkedAgain(tx, installationId, clock.now());
    },
  };
}

const DIFFERENCES_SHOWN = 10;

const showDifference = ({ clusterId, meter, recorded, computed }: Mismatch) => ({
  ...{ clusterId, meter, recordedSeconds: recorded.seconds, computedSeconds: computed.seconds },
  ...{ recordedQuantity: String(recorded.quantity), computedQuantity: String(computed.quantity) },
});

/**
 * Has a closed hour say what its computation from the recorded periods does, by rows that name what they correct. Throws
 * InvalidRequest for a moment that begins no hour, ResourceNotFound for an hour that is not closed, and Conflict when nothing differs.
 */
export async function planHourCorrection(
  tx: Transaction,
  hour: Date,
  { reason, recordedBy }: { reason: string; recordedBy: string },
  clock: Clock = systemClock,
): Promise<Change> {
  if (hourOf(hour).getTime() !== hour.getTime())
    throw new AppError('InvalidRequest', 'Give the beginning of a clock hour, e.g. 2026-05-20T10:00:00Z.', { target: 'hour' });
  if (!(await tx.usageHour.findUnique({ where: { hour } })))
    throw new AppError('ResourceNotFound', 'The hour is not in the ledger.');
  const found = await compareHourIn(tx, hour);
  if (found.length === 0) throw new AppError('Conflict', 'The ledger says of the hour what was recorded.');
  return {
    action: 'correct-usage',
    summary: `${found.length} differences of the hour ${hour.toISOString()} are corrected by rows of their own.`,
    before: { differences: found.length, first: found.slice(0, DIFFERENCES_SHOWN).map(showDifference) },
    after: { differences: 0 },
    apply: async () => {
      await correctHourIn(tx, hour, { reason, recordedBy, now: clock.now() });
    },
  };
}
