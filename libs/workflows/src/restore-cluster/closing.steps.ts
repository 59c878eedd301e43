import { recordClusterEvent } from '@managed-consul/clusters';
import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOnLeader } from '../shared-steps/consul-access';
import { confirmRestoreIsAllowed } from './rehearsal.steps';

/** Root tokens of the cluster that the records say are alive. */
export const livingRootTokens = async ({ database, cluster }: Pick<Step, 'database' | 'cluster'>): Promise<string[]> =>
  (await database.prisma.rootToken.findMany({ where: { clusterId: cluster.id, revokedAt: null } })).map(
    ({ accessorId }) => accessorId,
  );

function rootTokenSentence(living: readonly string[], lost: readonly string[]): string {
  if (living.length === 0) return 'The service has made no root token for this cluster; ask for one if you need it.';
  return lost.length < living.length
    ? 'Your root token still works.'
    : 'Your root token was made after the snapshot and does not work any more. Ask for a new one.';
}

/** What the customer must know: which root token is in force is the snapshot's word now. */
export async function recordRestore(step: Step) {
  const { clock, cluster, operation } = step;
  const { accessControl } = await consulOnLeader(step);
  const living = await livingRootTokens(step);
  const found = await Promise.all(
    living.map(async (accessorId) => [accessorId, await accessControl.findToken(accessorId)] as const),
  );
  const lost = found.flatMap(([accessorId, token]) => (token ? [] : [accessorId]));
  const { snapshotName } = step.outputOf(confirmRestoreIsAllowed);
  const message = `The cluster is as the snapshot '${snapshotName}' has it. ${rootTokenSentence(living, lost)}`;
  return done({ lostRootTokens: lost.length }, async (tx) => {
    await tx.rootToken.updateMany({
      where: { accessorId: { in: lost } },
      data: { state: 'Revoked', revokedAt: clock.now() },
    });
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, type: 'RestoreTold', message });
  });
}
