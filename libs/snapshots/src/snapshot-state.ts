import type { Prisma, SnapshotState, Transaction } from '@managed-consul/database';

/**
 * Where a snapshot may go from where it is. VERIFIED is only what the agent has read back member by member while it was being
 * stored. What is being deleted never comes back: its key may be gone already.
 */
export const SNAPSHOT_MOVES: Readonly<Record<SnapshotState, readonly SnapshotState[]>> = {
  QUEUED: ['CREATING', 'FAILED', 'DELETING'],
  CREATING: ['VERIFIED', 'FAILED', 'DELETING'],
  VERIFIED: ['DELETING'],
  FAILED: ['DELETING'],
  DELETING: [],
};

export const mayMoveSnapshot = (from: SnapshotState, to: SnapshotState): boolean => SNAPSHOT_MOVES[from].includes(to);

const ALL_STATES = Object.keys(SNAPSHOT_MOVES) as SnapshotState[];

/**
 * Moves a snapshot to `to` if that is legal from where it is now; one statement, so that two movers cannot both win. Gives
 * whether it moved. Safe to call again: a snapshot that is already there stays and counts as moved.
 */
export async function moveSnapshotState(
  tx: Transaction,
  snapshotId: string,
  to: SnapshotState,
  more: Omit<Prisma.SnapshotUpdateManyMutationInput, 'state'> = {},
): Promise<boolean> {
  const from = ALL_STATES.filter((state) => state === to || mayMoveSnapshot(state, to));
  const { count } = await tx.snapshot.updateMany({
    where: { id: snapshotId, deletedAt: null, state: { in: from } },
    data: { ...more, state: to },
  });
  return count === 1;
}
