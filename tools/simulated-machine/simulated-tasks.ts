import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encryptSnapshot } from '@managed-consul/snapshot-archive';
import type { InstanceMetadata } from '../../apps/server-agent/src/instance-metadata';
import { SnapshotBlob, type StoredBlob } from '../../apps/server-agent/src/snapshot-blob';
import { TaskFailedError } from '../../apps/server-agent/src/task-error';
import type { TaskHandlers } from '../../apps/server-agent/src/task-runner';
import type { SimulatedConsul } from './simulated-consul';

const SNAPSHOT_BYTES = 4096;

const notSimulated = async (): Promise<never> => {
  throw new TaskFailedError('PlatformUnsupported', 'A simulated machine cannot do this.', { mayPass: false });
};

/** Snapshots are encrypted and stored as the real agent stores them; what is in them is random. */
export function simulatedTasks(consul: SimulatedConsul, metadata: InstanceMetadata): TaskHandlers {
  return {
    'take-snapshot': async ({ blobUrl, contentKey, snapshotId }, { signal, moved }) => {
      const blob = await SnapshotBlob.open(blobUrl, (audience) => metadata.readToken(audience));
      const archive = randomBytes(SNAPSHOT_BYTES);
      let stored: StoredBlob | undefined;
      const store = async (source: AsyncIterable<Buffer>) => {
        stored = await blob.store(source, signal);
      };
      await pipeline(Readable.from([archive]), encryptSnapshot(Buffer.from(contentKey, 'base64'), snapshotId), store, { signal });
      if (!stored) throw new Error('The snapshot ended without being stored.');
      moved(archive.length);
      const sha256 = createHash('sha256').update(archive).digest('hex');
      return { sizeBytes: archive.length, sha256, raftIndex: consul.index, raftTerm: 1, ...stored };
    },
    'restore-snapshot': notSimulated,
    'drill-snapshot': notSimulated,
    'recover-peers': notSimulated,
    'move-leadership': notSimulated,
  };
}
