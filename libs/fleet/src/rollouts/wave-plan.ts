/** The first wave's part of all clusters, and between how many clusters it always is: few enough to be put right by hand. */
const FIRST_PERCENT = 10;
const FIRST_AT_LEAST = 2;
const FIRST_AT_MOST = 15;
/** Each wave that went well earns one of so many times its size. */
const GROWTH = 3;

/** How many clusters each wave has, the first one first; their sum is `clusters`. The last takes what is left. */
export function planWaves(clusters: number): number[] {
  const first = Math.min(Math.max(Math.ceil((clusters * FIRST_PERCENT) / 100), FIRST_AT_LEAST), FIRST_AT_MOST);
  const waves: number[] = [];
  for (let size = first, left = clusters; left > 0; left -= size, size *= GROWTH) waves.push(Math.min(size, left));
  return waves;
}

/** How many clusters of a wave may fail before the rollout stops. */
export const toleratedFailures = (clusters: number, percent: number): number => Math.floor((clusters * percent) / 100);
