import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { azureClientEnvironment } from '../../infra/local/azure-client-environment';
import { foldersOf } from '../../infra/local/folders';
import { loadIdentities } from '../../infra/local/identities';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { PreflightError } from '../../infra/local/preflight';
import { readStatus } from '../../infra/local/status';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

const HINT = `In this shell az, the SDKs of Azure and Terraform talk to the local Azure, as the sample customer. Sign in with az:

  az login --service-principal -u $AZURE_CLIENT_ID -p $AZURE_CLIENT_SECRET --tenant $AZURE_TENANT_ID

The other clients find the same identity in the environment. exit leaves.`;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function environmentOf(root: string): Record<string, string> {
  const settings = loadLocalSettings(root);
  if ((readStatus(settings)?.state ?? 'stopped') === 'stopped') throw new PreflightError(['The service does not run: ./hcs up']);
  const folders = foldersOf(settings.stateFolder);
  const environment = azureClientEnvironment({ settings, folders, identities: loadIdentities(folders.secrets) });
  mkdirSync(environment['AZURE_CONFIG_DIR'] ?? '', { recursive: true, mode: 0o700 });
  return environment;
}

/** Gives the exit code of the shell, or of the command that it was given. */
async function runShell(environment: Record<string, string>, command: readonly string[]): Promise<number> {
  const [program = process.env['SHELL'] ?? '/bin/sh', ...args] = command;
  if (command.length === 0) console.log(HINT);
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/**
 * `./hcs azure shell [-- command …]` starts a shell, or one command, whose Azure is the local one; `./hcs azure env` prints the
 * same settings for a shell that runs already: `eval "$(./hcs azure env)"`.
 */
export async function azure({ root, args }: CommandLine): Promise<number> {
  const [what, ...more] = args;
  if (what === 'shell') return runShell(environmentOf(root), more[0] === '--' ? more.slice(1) : more);
  if (what !== 'env' || more.length > 0) throw new UsageError('Usage: ./hcs azure shell [-- COMMAND…] or ./hcs azure env');
  for (const [name, value] of Object.entries(environmentOf(root))) console.log(`export ${name}=${quoted(value)}`);
  return 0;
}
