import { hours, minutes, seconds, type Milliseconds } from '@managed-consul/config';

const UNITS: Readonly<Record<string, Milliseconds>> = { ms: 1, s: seconds(1), m: minutes(1), h: hours(1) };

/** A duration as Consul writes them, which is Go's way: `10s`, `1m30s`, `200ms`. */
export const parseGoDuration = (text: string): Milliseconds =>
  [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
