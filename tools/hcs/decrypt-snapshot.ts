import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { decryptSnapshot, SNAPSHOT_FORMAT, SnapshotDamagedError, SnapshotVerifier } from '@managed-consul/snapshot-archive';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

const USAGE_LINE = './hcs decrypt-snapshot FILE --key CONTENT_KEY --snapshot SNAPSHOT_ID --out FILE';

interface Wish {
  file: string;
  contentKey: Buffer;
  snapshotId: string;
  out: string;
}

function readWish(args: readonly string[]): Wish {
  const option = { type: 'string' as const };
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { key: option, snapshot: option, out: option },
  });
  const [file, ...more] = positionals;
  const { key, snapshot, out } = values;
  if (!file || more.length > 0 || !key || !snapshot || !out) throw new UsageError(`Usage: ${USAGE_LINE}`);
  const contentKey = Buffer.from(key, 'base64');
  if (contentKey.length !== SNAPSHOT_FORMAT.keyBytes)
    throw new UsageError(`The key is the content key that came with the link: ${SNAPSHOT_FORMAT.keyBytes} bytes in base64.`);
  return { file, contentKey, snapshotId: snapshot, out };
}

/**
 * `./hcs decrypt-snapshot`: makes of a downloaded snapshot the archive that Consul wrote. The archive appears under its name
 * only when all of it was authenticated and read as Consul's own format; a file that was altered or cut off leaves nothing.
 */
export async function decrypt({ args }: CommandLine): Promise<number> {
  const { file, contentKey, snapshotId, out } = readWish(args);
  const unfinished = `${out}.unfinished`;
  const verifier = new SnapshotVerifier();
  try {
    await pipeline(
      createReadStream(file),
      decryptSnapshot(contentKey, snapshotId),
      verifier,
      createWriteStream(unfinished, { mode: 0o600 }),
    );
    const { facts } = verifier;
    await rename(unfinished, out);
    console.log(`${out}: ${facts.sizeBytes} bytes, Raft index ${facts.raftIndex}, SHA-256 ${facts.sha256}`);
    return 0;
  } catch (error) {
    await rm(unfinished, { force: true });
    if (!(error instanceof SnapshotDamagedError)) throw error;
    console.error(error.message);
    return 1;
  }
}
