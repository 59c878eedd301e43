import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { decryptSnapshot, SnapshotDamagedError, SnapshotVerifier, type SnapshotFacts } from '@managed-consul/snapshot-archive';
import { readBlob, unreadable } from './read-blob';
import { TaskFailedError } from './task-error';
import type { TaskContext } from './task-runner';

/** A stored snapshot and how it is opened. */
export interface SnapshotToFetch {
  source: { url: string };
  contentKey: string;
  snapshotId: string;
  expectedSha256: string;
}

/**
 * Brings a stored snapshot whole into a file (0600), decrypted and verified. Throws `TaskFailedError` `SnapshotUnreadable`, `SnapshotMissing` or
 * `SnapshotDamaged`; what is in the file is then of no use.
 */
export async function fetchSnapshot(
  { source, contentKey, snapshotId, expectedSha256 }: SnapshotToFetch,
  path: string,
  { signal, moved }: TaskContext,
): Promise<SnapshotFacts> {
  const stored = await readBlob(source.url, signal);
  stored.on('data', (part: Buffer) => moved(part.length));
  const verifier = new SnapshotVerifier();
  try {
    const decryption = decryptSnapshot(Buffer.from(contentKey, 'base64'), snapshotId);
    await pipeline(stored, decryption, verifier, createWriteStream(path, { mode: 0o600, flags: 'wx' }), { signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof SnapshotDamagedError) throw damaged(cause.message, cause);
    throw unreadable(cause);
  }
  if (verifier.facts.sha256 !== expectedSha256) throw damaged('It is a whole snapshot, but not the one that was taken.');
  return verifier.facts;
}

const damaged = (message: string, cause?: unknown): TaskFailedError =>
  new TaskFailedError('SnapshotDamaged', message, { mayPass: false, cause });
