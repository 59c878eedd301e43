import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MachineFiles } from './machine-files';

describe("a machine's paths", () => {
  let folder: string;
  let files: MachineFiles;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'machine-files-'));
    mkdirSync(join(folder, 'root'));
    mkdirSync(join(folder, 'outside'), { mode: 0o700 });
    files = new MachineFiles(join(folder, 'root'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('lie under its root, however they are written', () => {
    expect(files.map('/etc/x')).toBe(join(folder, 'root/etc/x'));
    expect(files.map('/../../etc/../x')).toBe(join(folder, 'root/x'));
    expect(() => files.map('etc/x')).toThrow(/not an absolute path/);
  });

  it('do not lead out of it through a link that a service left', () => {
    symlinkSync(join(folder, 'outside'), join(folder, 'root/link'));
    expect(() => files.map('/link/x')).toThrow(/symbolic link/);
    expect(() => files.makeFolder('/link', undefined, 0o777)).toThrow(/symbolic link/);
    expect(statSync(join(folder, 'outside')).mode & 0o777).toBe(0o700);
    expect(existsSync(join(folder, 'outside/x'))).toBe(false);
  });

  it('get the mode that was asked for, and parents that everyone may pass, whatever the mask', () => {
    const mask = process.umask(0o077);
    try {
      expect(statSync(files.makeFolder('/var/lib/a', undefined, 0o750)).mode & 0o777).toBe(0o750);
      expect(statSync(join(folder, 'root/var/lib')).mode & 0o777).toBe(0o755);
    } finally {
      process.umask(mask);
    }
  });
});
