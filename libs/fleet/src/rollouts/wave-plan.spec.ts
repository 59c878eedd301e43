import { expect, test } from 'vitest';
import { planWaves, toleratedFailures } from './wave-plan';

test.each([
  [0, []],
  [1, [1]],
  [2, [2]],
  [7, [2, 5]],
  [20, [2, 6, 12]],
  [30, [3, 9, 18]],
  [150, [15, 45, 90]],
  [151, [15, 45, 91]],
  [200, [15, 45, 135, 5]],
  [100_000, [15, 45, 135, 405, 1215, 3645, 10_935, 32_805, 50_800]],
])('%i clusters go in waves of %j: a tenth first, at least 2 and at most 15, then three times as many', (clusters, waves) => {
  expect(planWaves(clusters)).toEqual(waves);
});

test.each([
  [15, 0, 0],
  [15, 10, 1],
  [2, 10, 0],
  [135, 10, 13],
])('of %i clusters at %i %% tolerated, %i may fail', (clusters, percent, failures) => {
  expect(toleratedFailures(clusters, percent)).toBe(failures);
});
