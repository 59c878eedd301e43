import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { stopProcess } from '../../tools/processes/stop-process';

export interface NodeApp {
  name: string;
  /** The bundle to run. */
  file: string;
  /** Its whole environment beside PATH and HOME. */
  environment: Record<string, string>;
  log: string;
  /** Whether it works now; asked until it says so. */
  works(): Promise<boolean>;
  /** Told of the process as soon as it exists, before it works. */
  spawned(child: ChildProcess): void;
}

const START_WITHIN = 60_000;
const LAST_LINES = 5;

const lastLinesOf = (path: string): string => readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n  ');

/** Starts one of our bundles under this very Node.js and waits until it works (60 s). Throws with the end of its log. */
export async function startNodeApp(app: NodeApp): Promise<ChildProcess> {
  const log = openSync(app.log, 'a', 0o600);
  const child = spawn(process.execPath, ['--enable-source-maps', app.file], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production', ...app.environment },
    // Its own process group: Ctrl-C in the terminal goes to ./hcs alone, which stops things in order.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  app.spawned(child);
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  const giveUpAt = performance.now() + START_WITHIN;
  while (!(await app.works())) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (failure !== undefined || ended || performance.now() > giveUpAt) {
      await stopProcess(child);
      throw new Error(`${app.name} did not start; ${app.log} ends with:\n  ${lastLinesOf(app.log)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}
