/** `./hcs`: finds the command and runs it. A problem that the user can mend is shown in its own words, without a stack. */
import { join } from 'node:path';
import { ensurePrismaClient } from '../database/generate-client';
import type { CommandLine } from './command-line';
import { USAGE } from './usage';

/** Gives the exit code. */
type Command = (line: CommandLine) => Promise<number>;

/** Loaded when needed: what they import is generated first. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  up: async () => (await import('./up')).up,
  down: async () => (await import('./down')).down,
  status: async () => (await import('./status')).status,
  logs: async () => (await import('./logs')).logs,
  token: async () => (await import('./token')).token,
  azure: async () => (await import('./azure')).azure,
  'decrypt-snapshot': async () => (await import('./decrypt-snapshot')).decrypt,
  audit: async () => (await import('./audit')).audit,
  test: async () => (await import('./test')).test,
  check: async () => (await import('./check')).check,
  performance: async () => (await import('./performance')).performance,
};

/** Errors whose message is written for the user; anything else (a TypeError, say) is a fault of ours and shown whole. */
const SPOKEN_ERRORS = new Set(['Error', 'CommandFailed', 'PreflightError', 'ConfigurationError', 'UsageError']);

async function main(): Promise<number> {
  const root = join(import.meta.dirname, '../..');
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name === '--help' || name === 'help') {
    console.log(USAGE);
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    console.error(`There is no command "${name}".\n\n${USAGE}`);
    return 2;
  }
  await ensurePrismaClient(root);
  const command = await load();
  return command({ root, args });
}

try {
  // Not process.exit: what was printed must reach a slow pipe.
  process.exitCode = await main();
} catch (error) {
  const spoken = error instanceof Error && SPOKEN_ERRORS.has(error.name) && !process.env['HCS_STACKS'];
  console.error(spoken ? error.message : error);
  process.exitCode = 1;
}
