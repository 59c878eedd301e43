/** Everything that `./hcs check` looks at. Each check gives its problems, one text each; none means that it passed. */
import { join } from 'node:path';
import { tryCommand } from '../processes/run-command';
import { findBoundaryProblems, readProjects } from './boundaries';
import { findCycles } from './cycles';
import { findMigrationDrift } from './migrations';
import { findBadNames } from './names';
import { listPaths, readSourceFiles } from './source-files';

export interface Check {
  name: string;
  run(): Promise<string[]>;
}

/** Runs a tool from node_modules under this process's own Node.js; what it prints is the problem when it fails. */
async function problemsOf(root: string, script: string, ...args: string[]): Promise<string[]> {
  const result = await tryCommand(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', NX_DAEMON: 'false' },
  });
  if (result.exitCode === 0) return [];
  return [`${result.stdout}${result.stderr}`.trim() || `${script} ended with ${String(result.exitCode)} and said nothing`];
}

/** The checks for the clone at `root`, the slowest first so that they share the time best. */
export function checksFor(root: string): Check[] {
  const tsx = 'tsx/dist/cli.mjs';
  return [
    { name: 'lint', run: () => problemsOf(root, 'eslint/bin/eslint.js', '.', '--max-warnings', '0') },
    { name: 'types', run: () => problemsOf(root, 'typescript/bin/tsc', '-p', 'tsconfig.json') },
    { name: 'format', run: () => problemsOf(root, 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.') },
    { name: 'migrations', run: () => findMigrationDrift(root) },
    { name: 'dead code', run: () => problemsOf(root, 'knip/bin/knip.js', '--no-progress') },
    { name: 'boundaries', run: async () => findBoundaryProblems(readProjects(root), readSourceFiles(root)) },
    { name: 'cycles', run: async () => findCycles(readSourceFiles(root)) },
    { name: 'names', run: async () => findBadNames(listPaths(root)) },
    { name: 'openapi.json', run: () => problemsOf(root, tsx, 'tools/generate-openapi.ts', '--check') },
    { name: 'configuration.md', run: () => problemsOf(root, tsx, 'tools/generate-configuration-docs.ts', '--check') },
  ];
}

const indent = (text: string): string => text.replace(/^/gm, '    ');

/** Runs all checks, two at a time, prints a line for each, and gives how many failed. */
export async function runChecks(checks: readonly Check[], print: (text: string) => void): Promise<number> {
  const waiting = [...checks];
  let failed = 0;
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const started = performance.now();
      const problems = await check.run().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
      const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
      if (problems.length > 0) failed += 1;
      print(
        problems.length === 0
          ? `  ok    ${check.name} (${took})`
          : `  FAIL  ${check.name} (${took})\n${indent(problems.join('\n'))}`,
      );
    }
  };
  await Promise.all([worker(), worker()]);
  return failed;
}
