import type { Milliseconds } from '@managed-consul/config';
import { sendBatch, type Sent, type SendingParts } from './send-owed-usage';

/** How many calls are on at once, and how many are made in all. */
export interface SendingLimits {
  readonly lanes: number;
  readonly batches: number;
}

/**
 * Sends batches of planned events, several at once: one after the other would leave most of the allowed rate unused, since a call
 * takes longer than the time for which Azure asks between two. Ends when there is nothing to send, when the batches are used up, or
 * at the first that Azure does not take now; `events` is how many were answered. No more than `lanes` batches are held at a time.
 */
export async function sendBatches(parts: SendingParts, { lanes, batches }: SendingLimits): Promise<Sent> {
  let [left, events, isEmpty] = [batches, 0, false];
  const waits: Milliseconds[] = [];
  const lane = async (): Promise<void> => {
    while (left > 0 && !isEmpty && waits.length === 0 && parts.signal?.aborted !== true) {
      left -= 1;
      const sent = await sendBatch(parts);
      events += sent.events;
      if (sent.waitFor !== undefined) waits.push(sent.waitFor);
      else isEmpty ||= sent.events === 0;
    }
  };
  // What one of them throws must not leave the others behind on their own.
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return { events, waitFor: waits.length > 0 ? Math.max(...waits) : undefined };
}
