import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isTraversable, runtimeFolderOf, traversableTemporaryFolder } from './traversable-folder';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(traversableTemporaryFolder(), 'traversable-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('a folder below a closed one is not traversable, whatever its own mode', () => {
  const inner = join(folder, 'inner');
  mkdirSync(inner, { mode: 0o755 });
  expect(isTraversable(inner)).toBe(false);
  chmodSync(folder, 0o755);
  expect(isTraversable(inner)).toBe(true);
});

it('a closed clone gets one runtime folder that others can enter, the same each time', () => {
  const runtime = runtimeFolderOf(folder);
  try {
    expect(isTraversable(runtime)).toBe(true);
    expect(runtimeFolderOf(folder)).toBe(runtime);
  } finally {
    rmSync(runtime, { recursive: true, force: true });
  }
});
