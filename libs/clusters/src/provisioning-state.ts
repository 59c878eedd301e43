import type { ProvisioningState, Transaction } from '@managed-consul/database';

/**
 * Where a cluster may go from where it is. Delete may be asked for at any time and is never left for anything but its end, so
 * an overtaken create cannot bring a cluster back.
 */
export const LEGAL_MOVES: Readonly<Record<ProvisioningState, readonly ProvisioningState[]>> = {
  Accepted: ['Creating', 'Deleting', 'Failed', 'Canceled'],
  Creating: ['Succeeded', 'Failed', 'Canceled', 'Deleting'],
  Updating: ['Succeeded', 'Failed', 'Canceled', 'Deleting'],
  Succeeded: ['Updating', 'Deleting'],
  Failed: ['Updating', 'Deleting'],
  Canceled: ['Updating', 'Deleting'],
  Deleting: ['Deleted', 'Failed'],
  Deleted: [],
};

/** Whether nothing is being done to the cluster, in the words of Azure Resource Manager. */
export const isTerminal = (state: ProvisioningState): boolean =>
  state === 'Succeeded' || state === 'Failed' || state === 'Canceled' || state === 'Deleted';

export const mayMove = (from: ProvisioningState, to: ProvisioningState): boolean => LEGAL_MOVES[from].includes(to);

const ALL_STATES = Object.keys(LEGAL_MOVES) as ProvisioningState[];

/**
 * Moves a cluster to `to` if that is legal from where it is now and it is not in `except`; one statement, so that two movers
 * cannot both win. Gives whether it moved. Safe to call again: a cluster that is already there stays and counts as moved.
 */
export async function moveProvisioningState(
  tx: Transaction,
  clusterId: string,
  to: ProvisioningState,
  more: { failureCode?: string | null; failureMessage?: string | null; deletedAt?: Date } = {},
  except?: ProvisioningState,
): Promise<boolean> {
  const from = ALL_STATES.filter((state) => state !== except && (state === to || mayMove(state, to)));
  const { count } = await tx.cluster.updateMany({
    where: { id: clusterId, provisioningState: { in: from } },
    data: { provisioningState: to, revision: { increment: 1 }, ...more },
  });
  return count === 1;
}
