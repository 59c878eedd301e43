import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { layImage } from './machine-image';

it('gives a new disk the files of the image, in folders that everyone may pass, without a second copy of their bytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'machine-image-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'image/var/lib/sample'), { recursive: true, mode: 0o700 });
  const file = join(folder, 'image/var/lib/sample/program');
  writeFileSync(file, 'bytes');
  chmodSync(file, 0o555);
  mkdirSync(join(folder, 'disk'));

  layImage(join(folder, 'image'), join(folder, 'disk'));

  const laid = join(folder, 'disk/var/lib/sample/program');
  expect(readFileSync(laid, 'utf8')).toBe('bytes');
  expect(statSync(laid)).toMatchObject({ ino: statSync(file).ino, nlink: 2 });
  expect(statSync(join(folder, 'disk/var')).mode & 0o777).toBe(0o755);
});
