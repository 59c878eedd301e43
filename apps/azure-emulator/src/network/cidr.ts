/** An IPv4 range: `base` is its first address as a number. */
export interface AddressRange {
  readonly base: number;
  readonly prefixLength: number;
}

const octets = (address: string): number[] | undefined => {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
};

/** `10.0.0.1` as a number; undefined when it is no IPv4 address. */
export function parseAddress(address: string): number | undefined {
  return octets(address)?.reduce((total, octet) => total * 256 + octet, 0);
}

/** A number as an IPv4 address. */
export const formatAddress = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** How many addresses are in the range. */
export const sizeOf = ({ prefixLength }: AddressRange): number => 2 ** (32 - prefixLength);

/** `10.0.0.0/16` as a range, its base brought down to the start of the block; undefined when it is no IPv4 CIDR. */
export function parseRange(cidr: string): AddressRange | undefined {
  const [address = '', length = '', ...rest] = cidr.split('/');
  const base = parseAddress(address);
  if (base === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined;
  const size = 2 ** (32 - Number(length));
  return { base: Math.floor(base / size) * size, prefixLength: Number(length) };
}

/** A range as CIDR text. */
export const formatRange = ({ base, prefixLength }: AddressRange): string => `${formatAddress(base)}/${prefixLength}`;

/** Whether all of `inner` lies in `outer`. */
export const containsRange = (outer: AddressRange, inner: AddressRange): boolean =>
  inner.base >= outer.base && inner.base + sizeOf(inner) <= outer.base + sizeOf(outer);

/** Whether any address lies in both. */
export const rangesOverlap = (left: AddressRange, right: AddressRange): boolean =>
  left.base < right.base + sizeOf(right) && right.base < left.base + sizeOf(left);
