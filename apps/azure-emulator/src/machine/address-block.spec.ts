import { describe, expect, it } from 'vitest';
import { AddressBlock } from './address-block';

/** Takes no more than one: the largest block has sixteen million. */
const first = (block: AddressBlock, previous: string | undefined, taken: string[] = []): string | undefined => {
  const [address] = block.candidates(previous, new Set(taken));
  return address;
};

describe('address block', () => {
  it('gives the addresses in order and never 0 or 255', () => {
    const block = new AddressBlock('127.31.0.0/16');
    expect(first(block, undefined)).toBe('127.31.0.1');
    expect(first(block, '127.31.0.1')).toBe('127.31.0.2');
    expect(first(block, '127.31.0.254')).toBe('127.31.1.1');
    expect(first(block, '127.31.255.254')).toBe('127.31.0.1');
  });

  it('passes over what is taken and ends when everything is', () => {
    const block = new AddressBlock('127.31.0.8/30');
    expect([...block.candidates(undefined, new Set())]).toEqual(['127.31.0.9', '127.31.0.10', '127.31.0.11', '127.31.0.8']);
    expect(first(block, undefined, ['127.31.0.8', '127.31.0.9', '127.31.0.10', '127.31.0.11'])).toBeUndefined();
  });

  it('begins anew when the last address belongs to another block, and leaves 127.0.0.1 alone', () => {
    expect(first(new AddressBlock('127.31.0.0/16'), '127.40.0.9')).toBe('127.31.0.1');
    expect(first(new AddressBlock('127.0.0.0/8'), undefined)).toBe('127.0.0.2');
  });

  it.each(['10.0.0.0/16', '127.31.0.0', '127.31.0.0/31', '127.31.0.0/7', '127.300.0.0/16'])('refuses %s', (cidr) => {
    expect(() => new AddressBlock(cidr)).toThrow(/must be a block inside 127/);
  });
});
