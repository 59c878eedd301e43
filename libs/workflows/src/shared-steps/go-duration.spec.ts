import { describe, expect, it } from 'vitest';
import { parseGoDuration } from './go-duration';

describe('a duration of Consul', () => {
  it.each([
    ['10s', 10_000],
    ['200ms', 200],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
  ])('%s is read in milliseconds', (text, milliseconds) => expect(parseGoDuration(text)).toBe(milliseconds));
});
