const HOUR = 3600;

/** Seconds by letter; the API's `m` is a month of 30 days. */
const UNITS = { s: 1, h: HOUR, d: 24 * HOUR, w: 7 * 24 * HOUR, m: 30 * 24 * HOUR } as const;

/** A length of time as the HCS API writes it, such as `1d` or `1m`, in seconds; undefined for what is none. */
export function secondsOf(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([shdwm])$/.exec(text.trim().toLowerCase()) ?? [];
  return unit === undefined ? undefined : Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** Seconds in the largest unit that they fill: 86 400 is `1d`, 2 592 000 is `1m`. */
export function durationOf(seconds: number): string {
  const unit = (['m', 'd', 'h'] as const).find((each) => seconds > 0 && seconds % UNITS[each] === 0) ?? 's';
  return `${seconds / UNITS[unit]}${unit}`;
}
