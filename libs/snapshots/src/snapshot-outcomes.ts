import type { Transaction } from '@managed-consul/database';
import { z } from 'zod';
import { moveSnapshotState } from './snapshot-state';

/** Where an operation's input names the snapshots that it takes itself. */
const takenSchema = z.object({
  snapshotId: z.uuid().nullish(),
  safetySnapshotId: z.uuid().nullish(),
  finalSnapshotId: z.uuid().nullish(),
});

/**
 * An operation that ended without success leaves no snapshot half taken: what it had queued or begun is FAILED, with the
 * operation's own reason. A snapshot that it only read is VERIFIED and stays so.
 */
export async function failSnapshotsOf(
  tx: Transaction,
  input: unknown,
  { code, message }: { code: string; message: string },
): Promise<void> {
  const taken = takenSchema.safeParse(input);
  if (!taken.success) return;
  for (const id of Object.values(taken.data)) {
    if (!id) continue;
    const unfinished = await tx.snapshot.findFirst({
      where: { id, state: { in: ['QUEUED', 'CREATING'] } },
      select: { id: true },
    });
    if (unfinished) await moveSnapshotState(tx, id, 'FAILED', { failureCode: code, failureMessage: message });
  }
}
