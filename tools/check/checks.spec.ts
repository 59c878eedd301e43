import { expect, it } from 'vitest';
import { runChecks } from './checks';

it('counts a check that finds something and one that breaks, and shows why', async () => {
  const printed: string[] = [];
  const failed = await runChecks(
    [
      { name: 'clean', run: async () => [] },
      { name: 'dirty', run: async () => ['a.ts:3 is wrong'] },
      { name: 'broken', run: () => Promise.reject(new Error('no such tool')) },
    ],
    (text) => printed.push(text),
  );
  expect(failed).toBe(2);
  expect(printed.join('\n')).toMatch(/ok {4}clean/);
  expect(printed.join('\n')).toMatch(/FAIL {2}dirty.*\n {4}a\.ts:3 is wrong/);
  expect(printed.join('\n')).toMatch(/FAIL {2}broken.*\n {4}no such tool/);
});
