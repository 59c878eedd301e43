import { createHash } from 'node:crypto';
import { seconds, type Milliseconds } from '@managed-consul/config';
import { isTerminal, type OperationStep } from '@managed-consul/operations';
import { showStep } from '@managed-consul/http-api';
import { showOperation } from './operation.view';
import type { OperationProgress } from './operations.service';

/** One server-sent event (WHATWG HTML, section 9.2). */
interface ServerSentEvent {
  id: string;
  event: 'step' | 'operation';
  data: unknown;
}

/** The id of the last event of a stream; a client that has it has everything. */
const END = 'end';

/** Proxies close connections on which nothing moves. */
const KEEP_ALIVE: Milliseconds = seconds(15);

/**
 * Tells a step in one of its states from every other. It needs no memory on our side: a client that comes back with the id of
 * the last event it saw can be sent what is new since, by any replica.
 */
function eventIdOf(step: OperationStep): string {
  const seen = [step.state, step.attempts, step.waitingFor, step.errorCode, step.lastProblem].join('\n');
  const digest = createHash('sha256').update(seen).digest('hex').slice(0, 12);
  return `${step.position}.${digest}.${Buffer.from(step.item).toString('base64url')}`;
}

const positionOf = (eventId: string): number => Number(/^\d+/.exec(eventId)?.[0] ?? -1);

/** Steps that a client which saw `lastEventId` does not know yet, in order. Steps begin one after the other, so later ones are new. */
export function newsSince(steps: readonly OperationStep[], lastEventId: string | undefined): ServerSentEvent[] {
  const known = lastEventId === undefined ? -1 : positionOf(lastEventId);
  return steps
    .filter((step) => step.position >= known && eventIdOf(step) !== lastEventId)
    .map((step) => ({ id: eventIdOf(step), event: 'step', data: showStep(step) }));
}

const write = ({ id, event, data }: ServerSentEvent): string => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** Whether a client that saw `lastEventId` has seen the end. */
export const hasSeenEnd = (lastEventId: string | undefined): boolean => lastEventId === END;

/**
 * The text of an event stream: every step that is new or has changed, a comment when nothing happens for a while, and at the
 * end the operation. `progress` reads; `wait` resolves when reading again may show something new.
 */
export async function* streamOperationEvents(source: {
  progress: () => Promise<OperationProgress>;
  wait: (longest: Milliseconds, seenRevision: number) => Promise<unknown>;
  lastEventId: string | undefined;
  signal: AbortSignal;
}): AsyncGenerator<string> {
  let { lastEventId } = source;
  yield 'retry: 2000\n\n';
  while (!source.signal.aborted) {
    const { operation, steps } = await source.progress();
    const news = newsSince(steps, lastEventId);
    for (const event of news) {
      lastEventId = event.id;
      yield write(event);
    }
    if (isTerminal(operation.state)) {
      yield write({ id: END, event: 'operation', data: showOperation(operation, steps) });
      return;
    }
    await source.wait(KEEP_ALIVE, operation.revision);
    yield ': still here\n\n';
  }
}
