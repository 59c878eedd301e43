/** An IPv4 range in CIDR form, as numbers: from `first` to `last`, both within. */
export interface NetworkRange {
  first: number;
  last: number;
  prefixLength: number;
}

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

/** Reads a range; undefined when it is not one, or when its address has bits set beyond the prefix. */
export function parseNetworkRange(cidr: string): NetworkRange | undefined {
  const match = CIDR.exec(cidr);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefixLength = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefixLength > 32) return undefined;
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  const length = 2 ** (32 - prefixLength);
  return first % length === 0 ? { first, last: first + length - 1, prefixLength } : undefined;
}

/** The ranges that RFC 1918 sets apart for private networks. */
const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map((cidr) => parseNetworkRange(cidr));

/** Whether the whole range is private. */
export const isPrivate = (range: NetworkRange): boolean =>
  PRIVATE_RANGES.some((within) => within !== undefined && range.first >= within.first && range.last <= within.last);
