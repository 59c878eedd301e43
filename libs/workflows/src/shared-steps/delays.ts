import { minutes, seconds, type Milliseconds } from '@managed-consul/config';
import type { RetryRule } from '@managed-consul/workflow-engine';

/** Between two looks at what happens on a server: it takes seconds, and asking costs little. */
export const SERVER_LOOK: Milliseconds = 200;

/** For what is asked of servers that have just started: their first refusals pass within a moment. */
export const SERVER_RETRY: RetryRule = { firstDelay: SERVER_LOOK, maxDelay: seconds(10), within: minutes(10) };

/** Between two looks for an agent; its gateway wakes the operation at once when it connects, so this is only the fallback. */
export const AGENT_LOOK: Milliseconds = seconds(1);

const SHORTEST: Milliseconds = 200;
const LONGEST: Milliseconds = seconds(15);

/**
 * Until the next look at Azure: a tenth of the time waited so far. What takes seconds is seen within a moment, and what
 * takes a quarter of an hour costs few of the subscription's reads.
 */
export function azureLook(since: string, now: Date): Milliseconds {
  const waited = now.getTime() - new Date(since).getTime();
  return Math.min(Math.max(SHORTEST, Math.round(waited / 10)), LONGEST);
}
