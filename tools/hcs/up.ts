import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { foldersOf } from '../../infra/local/folders';
import { loadLocalSettings, type LocalSettings } from '../../infra/local/local-settings';
import { readState } from '../../infra/local/state-file';
import { runLocalService } from '../../infra/local/up';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LOOK_EVERY = 100;

async function runInForeground(settings: LocalSettings): Promise<number> {
  const asked = new AbortController();
  for (const signal of STOP_SIGNALS) process.on(signal, () => asked.abort());
  console.log('Starting the managed Consul service');
  await runLocalService(settings, (line) => console.log(line), asked.signal);
  return 0;
}

/** Runs `./hcs up` in the background, shows what it says until the service is ready or has failed, and leaves it running. */
async function runInBackground(settings: LocalSettings): Promise<number> {
  const { logs, stateFile } = foldersOf(settings.stateFolder);
  mkdirSync(logs, { recursive: true });
  const path = join(logs, 'up.log');
  const log = openSync(path, 'w');
  const child = spawn(process.execPath, ['--import', 'tsx', join(settings.root, 'tools/hcs/main.ts'), 'up'], {
    cwd: settings.root,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  let shown = 0;
  const showMore = () => {
    const size = statSync(path).size;
    if (size > shown) process.stdout.write(readFileSync(path).subarray(shown, size));
    shown = size;
  };
  for (;;) {
    const exited = child.exitCode ?? (child.signalCode === null ? null : 1);
    const state = readState(stateFile);
    const ready = state?.supervisor.pid === child.pid && state?.state === 'running';
    showMore();
    if (exited !== null) return exited === 0 ? 1 : exited;
    if (ready) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
  await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  showMore();
  return 0;
}

/** `./hcs up [--detach]` */
export async function up({ root, args }: CommandLine): Promise<number> {
  const unknown = args.find((argument) => argument !== '--detach');
  if (unknown !== undefined) throw new UsageError(`./hcs up takes only --detach, not "${unknown}".`);
  const settings = loadLocalSettings(root);
  return args.includes('--detach') ? runInBackground(settings) : runInForeground(settings);
}
