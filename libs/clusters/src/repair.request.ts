import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Cluster, Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { OPERATION_KINDS, type RepairClusterInput } from './cluster-names';
import { recordClusterChange, requestClusterChange, type ClusterChange } from './cluster-change.request';
import { isConfirmed, type Finding, type SeenFinding } from './observation/facts';
import { decideRepair, REPAIR_PERIOD, type RepairDecision } from './observation/repair-policy';

/** The repair of what was found, in the customer's words. */
function repairOf(findings: readonly Finding[]): ClusterChange {
  const input: RepairClusterInput = { findings: findings.map(({ reason, about, message }) => ({ reason, about, message })) };
  const found = input.findings.map(({ message }) => message).join(' ');
  const message = found ? `The service repairs the cluster. ${found}` : 'A repair of the cluster was requested.';
  return { kind: OPERATION_KINDS.repairCluster, input, event: { type: 'RepairRequested', message } };
}

const findingsOf = async (tx: Transaction, clusterId: string): Promise<SeenFinding[]> =>
  (await tx.clusterFinding.findMany({ where: { clusterId } })) as unknown as SeenFinding[];

async function repairsOf(tx: Transaction, clusterId: string, now: Date): Promise<Date[]> {
  const since = new Date(now.getTime() - REPAIR_PERIOD);
  const requestedBy = { startsWith: 'schedule/' };
  const rows = await tx.operation.findMany({
    where: { clusterId, kind: OPERATION_KINDS.repairCluster, requestedBy, finishedAt: { gte: since } },
    select: { finishedAt: true },
  });
  return rows.flatMap(({ finishedAt }) => finishedAt ?? []);
}

/** Whether a cluster is to be repaired now, from what all its schedules have found. */
export async function decideDueRepair(
  tx: Transaction,
  clusterId: string,
  { repairAfter, now }: { repairAfter: Milliseconds; now: Date },
): Promise<RepairDecision> {
  const findings = await findingsOf(tx, clusterId);
  if (findings.length === 0) return { decision: 'nothing' };
  return decideRepair(findings, await repairsOf(tx, clusterId, now), repairAfter, now);
}

/** The service's own wish to repair a cluster whose row the caller has locked, and on which no operation works. */
export const recordDueRepair = (
  tx: Transaction,
  cluster: Cluster,
  findings: readonly SeenFinding[],
  now: Date,
): Promise<Operation> => recordClusterChange(tx, cluster, repairOf(findings), { schedule: 'observe' }, { now: () => now });

/** The repair of what stands against a cluster now; of everything when nothing does. */
export const decideRepairNow = async (tx: Transaction, clusterId: string): Promise<ClusterChange> =>
  repairOf((await findingsOf(tx, clusterId)).filter(isConfirmed));

/**
 * A customer's wish that the cluster be looked over and repaired now, whatever was found so far. Throws ResourceNotFound,
 * AuthorizationFailed, Conflict, OperationInProgress.
 */
export async function requestRepair(
  tx: Transaction,
  { requester, clusterId }: { requester: Requester; clusterId: string },
  clock: Clock = systemClock,
): Promise<Operation> {
  return requestClusterChange(tx, { requester, clusterId }, () => decideRepairNow(tx, clusterId), clock);
}
