import { hours, minutes, seconds } from '@managed-consul/config';
import { describe, expect, it } from 'vitest';
import { azureLook } from './delays';

describe('the next look at Azure', () => {
  const since = new Date('2026-01-01T00:00:00Z');
  const after = (length: number) => azureLook(since.toISOString(), new Date(since.getTime() + length));

  it('is soon in the beginning and seldom in the end', () => {
    expect(after(0)).toBe(200);
    expect(after(seconds(10))).toBe(seconds(1));
    expect(after(hours(1))).toBe(seconds(15));
  });

  it('costs few reads: a deployment of a quarter of an hour is looked at some hundred times', () => {
    let looks = 0;
    for (let waited = 0; waited < minutes(15); waited += after(waited)) looks += 1;
    expect(looks).toBeLessThan(120);
  });
});
