import { spawn, type SpawnOptions } from 'node:child_process';

export interface CommandResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A command that could not start or ended with another code than 0; the message carries the end of what it printed. */
export class CommandFailed extends Error {
  readonly result: CommandResult;

  constructor(command: string, result: CommandResult) {
    const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-8).join('\n');
    super(`${command} ended with ${String(result.exitCode)}${said === '' ? '' : `:\n${said}`}`);
    this.name = 'CommandFailed';
    this.result = result;
  }
}

/** Runs a program without a shell and collects what it prints. Throws only when it cannot be started. */
export async function tryCommand(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<CommandResult> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { exitCode, stdout, stderr };
}

/** As `tryCommand`, but any exit code other than 0 throws `CommandFailed`. Gives what was printed on standard output. */
export async function runCommand(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const result = await tryCommand(command, args, options);
  if (result.exitCode !== 0) throw new CommandFailed([command, ...args.slice(0, 3)].join(' '), result);
  return result.stdout;
}
