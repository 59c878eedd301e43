import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { stopProcess } from '../processes/stop-process';
import type { CommandLine } from './command-line';
import { endRun, makeRunFolder } from './test-run';

const PROJECTS = ['unit', 'integration', 'trials', 'system'];

const resultsSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
});

interface Totals {
  passed: number;
  failed: number;
}

/** What the runner wrote; a run that broke without a failing test counts as one failure. */
function readTotals(path: string): Totals {
  try {
    const results = resultsSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    const failed = results.success ? 0 : Math.max(results.numFailedTests, 1);
    return { passed: results.numPassedTests, failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** Signals that end a run, with the exit codes that a shell expects of a program which they ended. */
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof STOP_SIGNALS;

/** Until the runner has ended, by itself or because this process is told to stop. */
async function ended(runner: ChildProcess): Promise<{ exitCode: number } | { stoppedBy: StopSignal }> {
  let stoppedBy: StopSignal | undefined;
  for (const signal of Object.keys(STOP_SIGNALS) as StopSignal[])
    process.on(signal, () => {
      stoppedBy ??= signal;
      void stopProcess(runner);
    });
  const exitCode = await new Promise<number>((resolve, reject) => {
    runner.once('error', reject);
    runner.once('close', (code) => resolve(code ?? 1));
  });
  return stoppedBy ? { stoppedBy } : { exitCode };
}

/** `./hcs test [unit|integration|trials|system|files…]`: ends with the line `N passed, N failed`; no test at all is a failure. */
export async function test({ root, args }: CommandLine): Promise<number> {
  const projects = args.filter((argument) => PROJECTS.includes(argument));
  const files = args.filter((argument) => !PROJECTS.includes(argument));
  const folder = join(root, '.hcs');
  const results = join(folder, 'test-results.json');
  mkdirSync(folder, { recursive: true });
  rmSync(results, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const selected = projects.map((project) => `--project=${project}`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const runFolder = makeRunFolder();
  const runner = spawn(process.execPath, [vitest, 'run', ...reporters, ...selected, ...files], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    // Its own variable, so that a test cannot mistake the developer's running service for its own.
    env: { ...process.env, NODE_ENV: 'test', TMPDIR: runFolder },
  });
  const outcome = await ended(runner);
  const left = await endRun(runFolder);
  if (left > 0) console.error(`Ended ${left} processes that the tests had started.`);
  if ('stoppedBy' in outcome) return STOP_SIGNALS[outcome.stoppedBy];
  const totals = readTotals(results);
  if (outcome.exitCode !== 0 && totals.failed === 0) totals.failed = 1;
  if (totals.passed === 0 && totals.failed === 0) {
    console.error('No test ran.');
    totals.failed = 1;
  }
  console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 ? 0 : 1;
}
