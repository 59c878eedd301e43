import { seconds } from '@managed-consul/config';
import { collectOwedUsage, countUnsent, sendBatch, sortOutPastLimit } from '@managed-consul/usage-emission';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';

/** Batches of one turn: then the step says how far it is. */
const BATCHES_AT_ONCE = 40;
/** Events that wait for an answer are left alone for this long. */
const ASK_AGAIN = seconds(30);

/** What became too old goes into a later hour: money that came late, which somebody should know of. */
export async function planUsageEvents({ database, clock, log }: Step) {
  const { expired, unresolved } = await sortOutPastLimit(database, clock.now());
  const { planned, carried } = await collectOwedUsage(database, clock.now());
  if (expired + unresolved + carried > 0)
    log.warn({ alarm: true, expired, unresolved, carried }, 'usage could not be told to Azure in its own hour');
  return done({ planned, carried });
}

/** Sends batch after batch; one that Azure does not take now waits as long as Azure asks. */
export async function usageIsSent(step: Step) {
  const { database, azure, clock, signal } = step;
  for (let batch = 0; batch < BATCHES_AT_ONCE && !signal.aborted; batch += 1) {
    const sent = await sendBatch({ database, metering: azure.metering, clock, signal });
    if (sent.waitFor !== undefined) return waitFor('Azure takes no usage right now', sent.waitFor);
    if (sent.events > 0) continue;
    const left = await countUnsent(database, clock.now());
    return left === 0 ? done() : waitFor(`Azure has not answered for all usage (${left} events left)`, ASK_AGAIN);
  }
  return waitFor('Usage is being sent to Azure', 1);
}
