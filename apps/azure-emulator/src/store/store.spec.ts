import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Store } from './store';

describe('the store', () => {
  let folder: string;
  let store: Store;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'emulator-store-'));
    store = new Store(folder);
  });

  afterEach(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });

  it('finds after reopening what was put, and not what was deleted', () => {
    const things = store.collection<{ size: number }>('things');
    things.put('a', { size: 1 });
    things.put('a', { size: 2 });
    things.put('b', { size: 3 });
    things.delete('b');
    store.close();
    store = new Store(folder);
    expect(store.collection('things').list()).toEqual([{ size: 2 }]);
  });

  it('lists by prefix, in order, and keeps collections apart', () => {
    const things = store.collection<string>('things');
    for (const key of ['/b/1', '/a/2', '/a/1', '/ab']) things.put(key, key);
    store.collection<string>('others').put('/a/3', 'other');
    expect(things.list('/a/')).toEqual(['/a/1', '/a/2']);
    expect(things.list()).toEqual(['/a/1', '/a/2', '/ab', '/b/1']);
  });

  it('undoes every write of a transaction that fails', () => {
    const things = store.collection<number>('things');
    expect(() =>
      store.transaction(() => {
        things.put('a', 1);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(things.get('a')).toBeUndefined();
  });
});
