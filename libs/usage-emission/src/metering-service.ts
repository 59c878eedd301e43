/** The Marketplace as this library needs it; how it is reached is not known here. */
export interface MeteringService {
  /** At most 25 events; outcomes come in the same order. Throws `TransientError` when nobody can say what was taken. */
  send(events: readonly EventToSend[], signal?: AbortSignal): Promise<readonly EventOutcome[]>;
  /** What it has of the days from `first` to `last` (UTC), both included. */
  report(first: Date, last: Date, signal?: AbortSignal): Promise<readonly ReportedDay[]>;
}

/** Most events of one call. */
export const BATCH_SIZE = 25;

export interface EventToSend {
  readonly resourceId: string;
  readonly dimension: string;
  /** Start of the hour. */
  readonly hour: Date;
  readonly planId: string;
  /** Decimal text, at most six places. */
  readonly quantity: string;
}

export interface EventOutcome {
  /** `Accepted`, `Duplicate`, or why it was not taken. */
  readonly status: string;
  readonly usageEventId: string | undefined;
  /** Of a duplicate: what was taken before, as decimal text. */
  readonly acceptedQuantity: string | undefined;
  readonly message: string | undefined;
}

export interface ReportedDay {
  /** `YYYY-MM-DD` */
  readonly day: string;
  readonly resourceId: string;
  readonly dimension: string;
  readonly reconStatus: string;
  readonly submittedQuantity: string;
  readonly processedQuantity: string;
  readonly submittedCount: number;
}

/** A decimal of at most six places in millionths, to be compared and added exactly. */
export function inMillionths(text: string): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,6})0*)?$/.exec(text) ?? [];
  if (text.trim() === '' || !/^-?\d+(\.\d{1,6}0*)?$/.test(text)) throw new Error(`'${text}' is no decimal of at most six places`);
  const absolute = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return sign === '-' ? -absolute : absolute;
}
