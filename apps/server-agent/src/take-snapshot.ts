import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AgentTaskOf, TakeSnapshotResult } from '@managed-consul/agent-protocol';
import { minutes } from '@managed-consul/config';
import { encryptSnapshot, SnapshotDamagedError, SnapshotVerifier } from '@managed-consul/snapshot-archive';
import type { ConsulAddress } from './consul-configuration';
import { askConsul } from './consul-request';
import { SnapshotBlob, type ReadToken, type StoredBlob } from './snapshot-blob';
import { TaskFailedError } from './task-error';
import type { TaskContext } from './task-runner';

/** Consul writes the whole state to a file of its own before it answers. */
const SNAPSHOT_ANSWER_TIMEOUT = minutes(10);

/**
 * Consul's snapshot, verified and encrypted on its way to storage. Nothing touches the disk and only a few blocks are in
 * memory; the blob is there only when the snapshot was whole.
 */
export async function takeSnapshot(
  task: AgentTaskOf<'take-snapshot'>,
  { address, readToken }: { address: ConsulAddress; readToken: ReadToken },
  { signal, moved }: TaskContext,
): Promise<TakeSnapshotResult> {
  const blob = await SnapshotBlob.open(task.blobUrl, readToken);
  const snapshot = await askConsul({
    address,
    token: task.consulToken,
    path: '/v1/snapshot',
    signal,
    timeout: SNAPSHOT_ANSWER_TIMEOUT,
  });
  let brokenOff: Error | undefined;
  snapshot.once('error', (error) => (brokenOff = error));
  const verifier = new SnapshotVerifier();
  verifier.on('data', (part: Buffer) => moved(part.length));
  const encryption: Transform = encryptSnapshot(Buffer.from(task.contentKey, 'base64'), task.snapshotId);
  let stored: StoredBlob | undefined;
  try {
    const store = async (source: AsyncIterable<Buffer>) => {
      stored = await blob.store(source, signal);
    };
    await pipeline(snapshot, verifier, encryption, store, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (brokenOff) throw new TaskFailedError('ConsulNotReachable', 'Consul broke off the snapshot.', { mayPass: true, cause });
    if (!(cause instanceof SnapshotDamagedError)) throw cause;
    await blob.remove();
    throw new TaskFailedError('SnapshotDamaged', `Consul gave a damaged snapshot. ${cause.message}`, { mayPass: true, cause });
  }
  if (!stored) throw new Error('The snapshot ended without being stored.');
  const { sizeBytes, sha256, raftIndex, raftTerm } = verifier.facts;
  return { sizeBytes, sha256, raftIndex, raftTerm, ...stored };
}
