import { describe, expect, it } from 'vitest';
import { chooseTaken } from './untaken-events';

const events = ['1', '0.5', '0.25', '1'].map((quantity, index) => ({ id: String(index), quantity }));

describe('chooseTaken', () => {
  it('finds the events that come to what was reported', () => {
    expect(chooseTaken(events, 2, 1_250_000n)).toEqual(new Set(['0', '2']));
    expect(chooseTaken(events, 4, 2_750_000n)).toEqual(new Set(['0', '1', '2', '3']));
    expect(chooseTaken(events, 0, 0n)).toEqual(new Set());
    expect(chooseTaken([], 0, 0n)).toEqual(new Set());
  });

  it('says when no choice fits', () => {
    expect(chooseTaken(events, 1, 750_000n)).toBeUndefined();
    expect(chooseTaken(events, 0, 1n)).toBeUndefined();
    expect(chooseTaken(events, -1, 0n)).toBeUndefined();
    expect(chooseTaken(events, 5, 2_750_000n)).toBeUndefined();
  });
});
