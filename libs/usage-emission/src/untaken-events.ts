import { inMillionths } from './metering-service';

/** An event of which nobody knows whether Azure took it. */
export interface UnsureEvent {
  readonly id: string;
  readonly quantity: string;
}

/**
 * Which of `events` were taken, when so many of them come to so much (in millionths) all told. Undefined when no choice fits. Where
 * several fit any is right: count and sum, which is what is billed, are the same.
 */
export function chooseTaken(events: readonly UnsureEvent[], count: number, sum: bigint): ReadonlySet<string> | undefined {
  const sized = events.map(({ id, quantity }) => ({ id, size: inMillionths(quantity) }));
  const tried = new Set<string>();
  const search = (from: number, left: number, rest: bigint): string[] | undefined => {
    if (left === 0) return rest === 0n ? [] : undefined;
    const key = `${from}/${left}/${rest}`;
    if (sized.length - from < left || rest <= 0n || tried.has(key)) return undefined;
    tried.add(key);
    const event = sized[from];
    if (!event) return undefined;
    const others = search(from + 1, left - 1, rest - event.size);
    return others ? [event.id, ...others] : search(from + 1, left, rest);
  };
  if (count < 0) return undefined;
  const found = search(0, count, sum);
  return found && new Set(found);
}
