import { describe, expect, it } from 'vitest';
import { inMillionths } from './metering-service';

describe('inMillionths', () => {
  it.each([
    ['1', 1_000_000n],
    ['0.000001', 1n],
    ['-2.5', -2_500_000n],
    ['1.5000000', 1_500_000n],
  ])('reads %s', (text, expected) => {
    expect(inMillionths(text)).toBe(expected);
  });

  it.each(['', 'x', '1.0000001', '1e3'])('refuses %j', (text) => {
    expect(() => inMillionths(text)).toThrow('no decimal');
  });
});
