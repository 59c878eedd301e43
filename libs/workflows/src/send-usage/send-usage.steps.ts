import { seconds } from '@managed-consul/config';
import { collectOwedUsage, countUnsent, sendBatches, sortOutPastLimit } from '@managed-consul/usage-emission';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';

/** A call of a third of a second in eight lanes makes 24 a second. Batches of one turn: then the step says how far it is. */
const AT_ONCE = { lanes: 8, batches: 200 };
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

/** Sends batch after batch; one that Azure does not take now makes all wait as long as Azure asks. */
export async function usageIsSent({ database, azure, clock, signal }: Step) {
  const sent = await sendBatches({ database, metering: azure.metering, clock, signal }, AT_ONCE);
  if (sent.waitFor !== undefined) return waitFor('Azure takes no usage right now', sent.waitFor);
  const left = await countUnsent(database, clock.now());
  if (left === 0) return done();
  return sent.events > 0
    ? waitFor(`Usage is being sent to Azure (${left} events left)`, 1)
    : waitFor(`Azure has not answered for all usage (${left} events left)`, ASK_AGAIN);
}
