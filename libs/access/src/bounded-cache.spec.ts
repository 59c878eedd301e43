import { expect, test } from 'vitest';
import { BoundedCache } from './bounded-cache';

test('a full cache forgets what was set longest ago, and setting again keeps an entry', () => {
  const cache = new BoundedCache<number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  cache.set('a', 3);
  cache.set('c', 4);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([3, undefined, 4]);
});
