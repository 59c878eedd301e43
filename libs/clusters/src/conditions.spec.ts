import { expect, test } from 'vitest';
import { observeCondition } from './index';

const available = { type: 'Available', status: 'True', reason: 'LeaderElected', message: 'A leader answers.' } as const;

test('a condition keeps its transition time until its status changes', () => {
  const first = observeCondition([], available, new Date('2026-01-01T00:00:00Z'));
  const same = observeCondition(first, { ...available, message: 'A leader still answers.' }, new Date('2026-01-02T00:00:00Z'));
  expect(same).toEqual([{ ...available, message: 'A leader still answers.', lastTransitionAt: '2026-01-01T00:00:00.000Z' }]);
  const lost = observeCondition(same, { ...available, status: 'False', reason: 'NoLeader' }, new Date('2026-01-03T00:00:00Z'));
  expect(lost[0]?.lastTransitionAt).toBe('2026-01-03T00:00:00.000Z');
});
