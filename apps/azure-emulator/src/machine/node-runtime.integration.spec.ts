import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeRuntime } from './node-runtime';

/** Only root can give services another user, so only root has this trouble. */
describe.runIf(process.getuid?.() === 0)('the Node of a machine', () => {
  const account = { name: 'sample', uid: 64_500, gid: 64_500 };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'node-runtime-'));
    chmodSync(folder, 0o711);
    mkdirSync(join(folder, 'closed'), { mode: 0o700 });
    mkdirSync(join(folder, 'machines'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is the emulator’s own where the service’s user can reach it', async () => {
    copyFileSync(process.execPath, join(folder, 'node'));
    const runtime = new NodeRuntime(join(folder, 'machines'), join(folder, 'node'));
    expect(await runtime.pathFor(account)).toBe(join(folder, 'node'));
  });

  it('is a copy beside the machines where it lies in a closed folder', async () => {
    symlinkSync(process.execPath, join(folder, 'closed/node'));
    const runtime = new NodeRuntime(join(folder, 'machines'), join(folder, 'closed/node'));
    expect(await runtime.pathFor(account)).toBe(join(folder, 'machines/.runtime', `node-${process.version}`));
    expect(await runtime.pathFor({ name: 'root', uid: 0, gid: 0 })).toBe(join(folder, 'closed/node'));
  });

  it('is refused with what to do about it when the machines themselves are out of reach, until that is mended', async () => {
    mkdirSync(join(folder, 'closed/machines'));
    const runtime = new NodeRuntime(join(folder, 'closed/machines'));
    await expect(runtime.pathFor(account)).rejects.toThrow(/cannot enter .*Move EMULATOR_STATE_FOLDER/);
    chmodSync(join(folder, 'closed'), 0o711);
    await expect(runtime.pathFor(account)).resolves.toMatch(/node/);
  });
});
