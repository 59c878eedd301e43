import { CLUSTER_TAG, clusterNames, SNAPSHOTS_TAG } from '@managed-consul/azure';
import type { DeleteClusterInput } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { Operations } from '@managed-consul/operations';
import { createSnapshotRow } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { placeOf } from '../shared-steps/place';
import { unlessVanished } from '../shared-steps/vanished-application';
import { confirmPlaceMayBeTouched } from './confirm-place.steps';

/** A delete that the service itself asks for has no wishes: it keeps what can be kept. */
const inputSchema = z.object({
  finalSnapshotId: z.uuid().nullable().default(null),
  keepSnapshots: z.boolean().default(true),
}) satisfies z.ZodType<DeleteClusterInput>;

const inputOf = ({ operation }: Pick<Step, 'operation'>): DeleteClusterInput => inputSchema.parse(operation.input);

/** The customer's last look at the cluster comes before anything is removed; without it nothing is. */
export async function queueFinalSnapshot(step: Step) {
  const { cluster, operation, clock } = step;
  const { finalSnapshotId: id } = inputOf(step);
  if (id === null) return done();
  if (!step.outputOf(confirmPlaceMayBeTouched).groupExists) {
    throw new TerminalError(
      'FinalSnapshotImpossible',
      'The resource group of the cluster is gone, so no final snapshot can be taken. Ask for the delete without one.',
    );
  }
  return done(undefined, async (tx) => {
    if ((await tx.snapshot.count({ where: { id } })) > 0) return;
    await createSnapshotRow(tx, cluster, { id, kind: 'FINAL', requestedBy: operation.requestedBy }, clock);
  });
}

const unfinishedSnapshotWork = ({ database, cluster }: Step) =>
  database.prisma.operation.findMany({
    where: { clusterId: cluster.id, subject: { startsWith: 'snapshot/' }, state: { in: ['Pending', 'Running'] } },
  });

/** Links and drills are asked to stop, a removal of a snapshot is let finish: what stays must be certain before storage goes. */
export async function snapshotWorkHasStopped(step: Step) {
  const { database, bell, clock, operation } = step;
  const unfinished = await unfinishedSnapshotWork(step);
  if (unfinished.length === 0) return done();
  const operations = new Operations(database, bell, clock);
  for (const { id, lane, cancelRequestedAt } of unfinished)
    if (lane === 'Change' && cancelRequestedAt === null) await operations.cancel(id).catch(() => undefined);
  const since = (operation.startedAt ?? operation.createdAt).toISOString();
  return waitFor('What is being done with snapshots of the cluster comes to its end', azureLook(since, clock.now()));
}

/** The account of the cluster, if it is still there and this cluster's. */
async function findOwnAccount(step: Step) {
  if (!step.outputOf(confirmPlaceMayBeTouched).groupExists) return undefined;
  const { subscription, resourceGroup } = placeOf(step);
  const name = clusterNames(step.cluster.id).storageAccount;
  const account = await unlessVanished(step, () => subscription.storageAccounts.find(resourceGroup, name), undefined);
  const owners = [account?.tags[CLUSTER_TAG], account?.tags[SNAPSHOTS_TAG]];
  return owners.includes(step.cluster.id) ? account : undefined;
}

/** Whether storage stands in Azure that snapshots of the cluster are kept in. */
export const keepsStorage = async (step: Step): Promise<boolean> =>
  (await findOwnAccount(step))?.tags[SNAPSHOTS_TAG] === step.cluster.id;

/**
 * Decides what becomes of the storage, in Azure itself: its tag says whether it belongs to the cluster, and goes with it, or is
 * kept for the snapshots until their retention ends.
 */
export async function decideAboutSnapshots(step: Step) {
  const { cluster, database, signal } = step;
  const verified = await database.prisma.snapshot.count({
    where: { clusterId: cluster.id, state: 'VERIFIED', deletedAt: null },
  });
  const account = await findOwnAccount(step);
  const keep = inputOf(step).keepSnapshots && verified > 0;
  const [wanted, other] = keep ? [SNAPSHOTS_TAG, CLUSTER_TAG] : [CLUSTER_TAG, SNAPSHOTS_TAG];
  if (account && account.tags[wanted] !== cluster.id) {
    const { [other]: _former, ...rest } = account.tags;
    const { subscription, resourceGroup } = placeOf(step);
    const tag = () =>
      subscription.storageAccounts.replaceTags(resourceGroup, account.name, { ...rest, [wanted]: cluster.id }, signal);
    await unlessVanished(step, tag, undefined);
  }
  return done({ kept: account && keep ? verified : 0 });
}
