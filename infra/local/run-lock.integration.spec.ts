import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { stopProcess } from '../../tools/processes/stop-process';
import { lockHolder, takeLock } from './run-lock';

const ROOT = resolve(import.meta.dirname, '../..');
const MODULE = pathToFileURL(join(import.meta.dirname, 'run-lock.ts')).href;
/** Takes the lock, says what came of it, and lives on. */
const TAKER = `
  const { takeLock } = await import(process.argv[1]);
  const attempt = takeLock(process.argv[2]);
  console.log('heldBy' in attempt ? 'held by ' + attempt.heldBy.pid : 'taken');
  setInterval(() => undefined, 1000);
`;

let folder: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'managed-consul-lock-')), 'lock');
});
afterEach(async () => {
  for (const child of children) await stopProcess(child, 'SIGKILL');
  children = [];
  rmSync(resolve(folder, '..'), { recursive: true, force: true });
});

async function startTaker(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', TAKER, MODULE, folder], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: line.toString().trim() };
}

it('is held by one of several that come at once, and the others name it', async () => {
  const takers = await Promise.all([startTaker(), startTaker(), startTaker()]);
  const holders = takers.filter(({ said }) => said === 'taken');
  expect(holders).toHaveLength(1);
  const pid = holders[0]!.child.pid!;
  expect(lockHolder(folder)?.pid).toBe(pid);
  expect(takers.filter(({ said }) => said === `held by ${pid}`)).toHaveLength(2);
});

it('is taken over from a process that was killed', async () => {
  const { child } = await startTaker();
  expect(takeLock(folder)).toMatchObject({ heldBy: { pid: child.pid } });
  await stopProcess(child, 'SIGKILL');
  expect(lockHolder(folder)).toBeUndefined();
  expect(takeLock(folder)).not.toHaveProperty('heldBy');
  expect(lockHolder(folder)?.pid).toBe(process.pid);
});

it('is free again once it is released, and keeps one file', () => {
  for (let turn = 0; turn < 3; turn += 1) {
    const attempt = takeLock(folder);
    if ('heldBy' in attempt) throw new Error(`held by ${attempt.heldBy.pid}`);
    expect(takeLock(folder)).toMatchObject({ heldBy: { pid: process.pid } });
    attempt.release();
    expect(lockHolder(folder)).toBeUndefined();
  }
  expect(readdirSync(folder)).toHaveLength(1);
});
