import { describe, expect, it } from 'vitest';
import { until } from './until';

describe('until', () => {
  it('gives what the condition gives once it is truthy', async () => {
    let asked = 0;
    expect(await until(() => (++asked === 3 ? 'ready' : undefined), { within: 5000 })).toBe('ready');
    expect(asked).toBe(3);
  });

  it('takes a throw as "not yet" and says the last one when time is up', async () => {
    const never = until(() => Promise.reject(new Error('still away')), { within: 20, because: 'the server to answer' });
    await expect(never).rejects.toThrow(/the server to answer.*still away/s);
  });
});
