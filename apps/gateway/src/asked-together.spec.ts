import { expect, test } from 'vitest';
import { AskedTogether } from './asked-together';

test('what is asked while a call is under way is asked by the next one, each gets its own answer', async () => {
  const calls: (readonly number[])[] = [];
  const together = new AskedTogether<number, number>(async (questions) => {
    calls.push(questions);
    return questions.map((one) => one * 10);
  });
  const answers = await Promise.all(Array.from({ length: 1200 }, (_, index) => together.ask(index)));
  expect(answers).toEqual(Array.from({ length: 1200 }, (_, index) => index * 10));
  expect(calls.map(({ length }) => length)).toEqual([1, 500, 500, 199]);
});

test('a call that fails fails its own questions and no other', async () => {
  const together = new AskedTogether<string, string>(async (questions) => {
    if (questions.includes('bad')) throw new Error('No answer.');
    return questions;
  });
  const outcomes = await Promise.allSettled([together.ask('bad'), together.ask('one'), together.ask('other')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
});
