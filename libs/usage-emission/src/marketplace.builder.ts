import { hours, type Clock } from '@managed-consul/config';
import { TransientError } from '@managed-consul/errors';
import { inMillionths, type EventOutcome, type EventToSend, type MeteringService, type ReportedDay } from './metering-service';

/** How a call or an event goes wrong. */
export type Mishap = 'unreachable' | 'lost' | { readonly outcome: string } | { readonly retryAfterSeconds: number };

const inUnits = (millionths: bigint): string => (Number(millionths) / 1e6).toFixed(6);

/**
 * Stands for the Marketplace with its rules: the first event of an hour is taken for ever, nothing older than 24 hours, batches of
 * 25. That the real protocol has these is what the tests against the emulator show.
 */
export class TestMarketplace implements MeteringService {
  /** By resource, dimension and hour: millionths. */
  readonly taken = new Map<string, { readonly event: EventToSend; readonly quantity: bigint }>();
  readonly batches: number[] = [];
  /** Asked at every call and for every event; undefined lets it pass. */
  onCall: () => Mishap | undefined = () => undefined;
  onEvent: (event: EventToSend) => string | undefined = () => undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(events: readonly EventToSend[]): Promise<EventOutcome[]> {
    if (events.length === 0 || events.length > 25) throw new Error(`a batch of ${events.length}`);
    this.batches.push(events.length);
    const mishap = this.onCall();
    if (mishap === 'unreachable') return Promise.reject(new TransientError('unreachable'));
    if (typeof mishap === 'object' && 'retryAfterSeconds' in mishap) return Promise.reject(new TransientError('429', mishap));
    const outcomes = events.map((event) => this.#take(event));
    return mishap === 'lost' ? Promise.reject(new TransientError('lost')) : Promise.resolve(outcomes);
  }

  report(first: Date, last: Date): Promise<ReportedDay[]> {
    const mishap = this.onCall();
    if (mishap !== undefined) return Promise.reject(new TransientError('no report'));
    const asked = [...this.taken.values()].filter(({ event }) => event.hour >= first && event.hour <= last);
    const days = Map.groupBy(
      asked,
      ({ event }) => `${event.hour.toISOString().slice(0, 10)}|${event.resourceId}|${event.dimension}`,
    );
    const rows = [...days].map(([key, events]) => {
      const [day = '', resourceId = '', dimension = ''] = key.split('|');
      const quantity = inUnits(events.reduce((sum, one) => sum + one.quantity, 0n));
      const sums = { submittedQuantity: quantity, processedQuantity: quantity, submittedCount: events.length };
      return { day, resourceId, dimension, reconStatus: 'Accepted', ...sums };
    });
    return Promise.resolve(rows);
  }

  /** All that was taken for a resource and dimension, in millionths. */
  total(resourceId: string, dimension: string): bigint {
    return [...this.taken.values()]
      .filter(({ event }) => event.resourceId === resourceId && event.dimension === dimension)
      .reduce((sum, { quantity }) => sum + quantity, 0n);
  }

  #take(event: EventToSend): EventOutcome {
    const nothing = { usageEventId: undefined, acceptedQuantity: undefined, message: undefined };
    if (this.#clock.now().getTime() - event.hour.getTime() > hours(24)) return { ...nothing, status: 'Expired' };
    const asked = this.onEvent(event);
    if (asked !== undefined) return { ...nothing, status: asked, message: 'asked for' };
    const key = `${event.resourceId}|${event.dimension}|${event.hour.toISOString()}`;
    const before = this.taken.get(key);
    if (before) return { status: 'Duplicate', usageEventId: key, acceptedQuantity: inUnits(before.quantity), message: 'exists' };
    this.taken.set(key, { event, quantity: inMillionths(event.quantity) });
    return { status: 'Accepted', usageEventId: key, acceptedQuantity: undefined, message: undefined };
  }
}
