import { nameOf, type Requester } from '@managed-consul/access';
import {
  OPERATION_KINDS,
  requestClusterChange,
  type ClusterChange,
  type ClusterWithServers,
  type UpgradeClusterInput,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import { planUpgrade } from '@managed-consul/consul-versions';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { createSnapshotRow } from '@managed-consul/snapshots';
import { readUpgradeFacts } from './running-versions';

export interface UpgradeClusterWish {
  requester: Requester;
  clusterId: string;
  consulVersion: string;
}

/**
 * The upgrade of a locked cluster as a change to record, with the row of the snapshot that is taken first. Throws
 * UpgradeNotNewer, UpgradePathForbidden, VersionBlocked, VersionUnavailable and NewerThanPrimary with what stands in the way.
 */
export async function decideUpgrade(
  tx: Transaction,
  cluster: ClusterWithServers,
  { to, requestedBy, automatic }: { to: string; requestedBy: string; automatic: boolean },
  clock: Clock,
): Promise<ClusterChange> {
  const plan = planUpgrade({ ...(await readUpgradeFacts(tx, cluster)), to });
  if (plan.kind === 'refusal') throw new AppError(plan.code, plan.message, { target: 'consulVersion' });
  const hops = plan.hops.map(({ version }) => version);
  const snapshot = await createSnapshotRow(tx, cluster, { kind: 'SAFETY', requestedBy }, clock);
  const input: UpgradeClusterInput = { hops, safetySnapshotId: snapshot.id, automatic };
  const way = hops.length > 1 ? ` by way of ${hops.slice(0, -1).join(', ')}` : '';
  const why = automatic ? 'In its maintenance window an upgrade' : 'An upgrade';
  return {
    kind: OPERATION_KINDS.upgradeCluster,
    input,
    event: { type: 'UpgradeRequested', message: `${why} from Consul ${cluster.consulVersion} to ${to}${way} was requested.` },
  };
}

/**
 * Asks for a cluster's servers to be brought to a later Consul version, over the hops that the vendor demands. Throws
 * ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress, UpgradeNotNewer, UpgradePathForbidden,
 * VersionBlocked, VersionUnavailable, NewerThanPrimary.
 */
export async function requestUpgrade(
  tx: Transaction,
  { requester, clusterId, consulVersion }: UpgradeClusterWish,
  clock: Clock = systemClock,
): Promise<Operation> {
  const wish = { to: consulVersion, requestedBy: nameOf(requester), automatic: false };
  return requestClusterChange(tx, { requester, clusterId }, (cluster) => decideUpgrade(tx, cluster, wish, clock), clock);
}
