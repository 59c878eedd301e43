import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { foldersOf } from '../../infra/local/folders';
import { loadIdentities } from '../../infra/local/identities';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { PreflightError } from '../../infra/local/preflight';
import { customerCredential, customerToken, operatorToken } from '../../infra/local/sample-cluster';
import { readStatus } from '../../infra/local/status';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

/** `./hcs token [--operator]`: prints a bearer token of the sample customer, or operator, got from Entra ID as any client gets it. */
export async function token({ root, args }: CommandLine): Promise<number> {
  if (args.some((arg) => arg !== '--operator')) throw new UsageError('Usage: ./hcs token [--operator]');
  const settings = loadLocalSettings(root);
  const state = readStatus(settings)?.state ?? 'stopped';
  if (state === 'stopped') throw new PreflightError(['The service does not run: ./hcs up']);
  const folders = foldersOf(settings.stateFolder);
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(folders.caFile, 'utf8')]);
  const place = { settings, folders, identities: loadIdentities(folders.secrets) };
  const ofOperator = args.includes('--operator');
  console.log(await (ofOperator ? operatorToken(place) : customerToken(customerCredential(place))));
  return 0;
}
