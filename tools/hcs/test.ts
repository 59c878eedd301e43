import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { CommandLine } from './command-line';

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
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...selected, ...files], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    // Its own variable, so that a test cannot mistake the developer's running service for its own.
    env: { ...process.env, NODE_ENV: 'test' },
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const totals = readTotals(results);
  if (exitCode !== 0 && totals.failed === 0) totals.failed = 1;
  if (totals.passed === 0 && totals.failed === 0) {
    console.error('No test ran.');
    totals.failed = 1;
  }
  console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 ? 0 : 1;
}
