import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { verifyAuditChains, type AuditHead } from '@managed-consul/access';
import { openDatabase } from '@managed-consul/database';
import { databaseUrl } from '../../infra/local/components';
import { foldersOf } from '../../infra/local/folders';
import { loadIdentities } from '../../infra/local/identities';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { PreflightError } from '../../infra/local/preflight';
import { readStatus } from '../../infra/local/status';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

const USAGE_LINE = './hcs audit verify [--heads FILE]';
const MOST_SHOWN = 50;

const headsSchema = z.array(z.strictObject({ chain: z.int(), position: z.string(), hash: z.string() }));

function readWish(args: readonly string[]): { headsFile: string | undefined } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { heads: { type: 'string' } },
  });
  if (positionals.length !== 1 || positionals[0] !== 'verify') throw new UsageError(`Usage: ${USAGE_LINE}`);
  return { headsFile: values.heads };
}

/** The heads of the verification before; none where there was none. Throws for a file that is something else. */
function readHeads(file: string | undefined): AuditHead[] {
  if (file === undefined || !existsSync(file)) return [];
  try {
    return headsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new UsageError(`${file} holds no heads that ./hcs audit verify kept.`);
  }
}

/** In one rename: a heads file that is half written would be a proof lost. */
function keepHeads(file: string, heads: readonly AuditHead[]): void {
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(heads, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(partial, file);
}

function databaseOf(root: string): string {
  const given = process.env['DATABASE_URL'];
  if (given) return given;
  const settings = loadLocalSettings(root);
  if ((readStatus(settings)?.state ?? 'stopped') === 'stopped') {
    throw new PreflightError(['The service does not run: ./hcs up, or set DATABASE_URL.']);
  }
  const folders = foldersOf(settings.stateFolder);
  return databaseUrl({ settings, folders, identities: loadIdentities(folders.secrets) });
}

/**
 * `./hcs audit verify`: reads every chain of audit events and says what was altered or removed; 1 if anything was. The heads are
 * kept in the file only when nothing was.
 */
export async function audit({ root, args }: CommandLine): Promise<number> {
  const { headsFile } = readWish(args);
  const earlier = readHeads(headsFile);
  const database = openDatabase({ url: databaseOf(root), maxConnections: 1 });
  try {
    const { events, faults, heads } = await verifyAuditChains(database, earlier);
    for (const { chain, position, eventId, message } of faults.slice(0, MOST_SHOWN)) {
      console.error(`chain ${chain ?? '-'}, link ${position ?? '-'}, event ${eventId ?? '-'}: ${message}`);
    }
    if (faults.length > 0) {
      console.error(`${faults.length} faults in ${events} audit events: somebody changed the record.`);
      return 1;
    }
    if (headsFile !== undefined) keepHeads(headsFile, heads);
    console.log(`${events} audit events, none altered, none removed${earlier.length > 0 ? ' since the heads were kept' : ''}.`);
    return 0;
  } finally {
    await database.close();
  }
}
