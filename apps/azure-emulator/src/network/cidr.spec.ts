import { describe, expect, it } from 'vitest';
import { containsRange, formatAddress, formatRange, parseAddress, parseRange, rangesOverlap, type AddressRange } from './cidr';

const range = (cidr: string): AddressRange => parseRange(cidr) ?? { base: Number.NaN, prefixLength: 0 };

describe('IPv4 ranges', () => {
  it('read addresses up to the highest and write them back', () => {
    for (const address of ['0.0.0.0', '10.0.0.1', '255.255.255.255'])
      expect(formatAddress(parseAddress(address) ?? -1)).toBe(address);
  });

  it.each(['', '10.0.0', '10.0.0.256', '10.0.0.01', '10.0.0.1.2', 'a.b.c.d'])('take %j for no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '/8'])('take %j for no range', (text) => {
    expect(parseRange(text)).toBeUndefined();
  });

  it('bring the base down to the start of the block', () => {
    expect(formatRange(range('10.1.2.3/16'))).toBe('10.1.0.0/16');
    expect(formatRange(range('200.0.0.1/1'))).toBe('128.0.0.0/1');
  });

  it('know what lies inside and what overlaps', () => {
    expect(containsRange(range('10.0.0.0/16'), range('10.0.255.0/24'))).toBe(true);
    expect(containsRange(range('10.0.0.0/16'), range('10.1.0.0/24'))).toBe(false);
    expect(containsRange(range('10.0.0.0/24'), range('10.0.0.0/16'))).toBe(false);
    expect(rangesOverlap(range('10.0.0.0/16'), range('10.0.3.0/24'))).toBe(true);
    expect(rangesOverlap(range('10.0.0.0/24'), range('10.0.1.0/24'))).toBe(false);
  });
});
