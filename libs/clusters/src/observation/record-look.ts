import type { Milliseconds } from '@managed-consul/config';
import type { Cluster, Prisma, Server, Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { clusterSubject } from '../cluster-names';
import { recordClusterEvent } from '../cluster-writes';
import { changedConditions, observeCondition, type Condition, type ObservedCondition } from '../conditions';
import type { Finding, SeenFinding, ServerFacts } from './facts';
import { countFindings } from './findings';
import { recordServers } from './record-servers';
import { MOST_REPAIRS, type RepairDecision } from './repair-policy';
import { decideDueRepair, recordDueRepair } from '../repair.request';

/** Which look is recorded, and of what. */
interface LookRecord {
  readonly clusterId: string;
  readonly source: 'observe' | 'inspect';
  /** When the look began. */
  readonly now: Date;
  /** What was seen of each server, if the look was at servers. */
  readonly servers?: readonly ServerFacts[];
  readonly found: readonly Finding[];
  /** How long the service waits for what gets well by itself before it repairs. */
  readonly repairAfter: Milliseconds;
  /** What can be said now, from the findings with how often they were seen. */
  readonly conditions: (findings: readonly SeenFinding[]) => readonly ObservedCondition[];
}

/** What a look has left behind. */
interface RecordedLook {
  readonly cluster: Cluster & { serverRecords: Server[] };
  /** What this source sees now. */
  readonly findings: readonly SeenFinding[];
  /** Whether it sees something for the first time: worth another look soon. */
  readonly hasNews: boolean;
  /** Statements that are news. */
  readonly changed: readonly Condition[];
  /** The repair that was asked for; ring the bell for it after the commit. */
  readonly repair: Operation | undefined;
}

/** Reason of every statement about something that the service has given up to repair. */
export const REPAIR_SUSPENDED = 'RepairSuspended';

/** Statements about what cannot be repaired say so, in place of their first reason. */
function suspend(conditions: readonly ObservedCondition[], decided: RepairDecision): readonly ObservedCondition[] {
  if (decided.decision !== 'give up') return conditions;
  const reasons: readonly string[] = decided.findings.map(({ reason }) => reason);
  const tried = `The service has repaired the cluster ${MOST_REPAIRS} times in a short while and it did not last; an operator is told.`;
  return conditions.map((condition) =>
    reasons.includes(condition.reason)
      ? { ...condition, reason: REPAIR_SUSPENDED, message: `${condition.message} ${tried}` }
      : condition,
  );
}

async function storeFindings(
  tx: Transaction,
  { clusterId, source, now, found }: LookRecord,
): Promise<{ findings: SeenFinding[]; hasNews: boolean }> {
  const rows = await tx.clusterFinding.findMany({ where: { clusterId, source } });
  const findings = countFindings(rows as unknown as SeenFinding[], found, now);
  if (rows.length > 0) await tx.clusterFinding.deleteMany({ where: { clusterId, source } });
  const data = findings.map(({ reason, about, message, looks, firstSeenAt }) => ({
    ...{ clusterId, source, reason, about, message, looks, firstSeenAt },
    lastSeenAt: now,
  }));
  if (data.length > 0) await tx.clusterFinding.createMany({ data });
  return { findings, hasNews: findings.some(({ looks }) => looks === 1) };
}

/**
 * Stores what a look saw: servers, findings, conditions, an event for each statement that changed, and the repair that is due.
 * The cluster's row stays locked until the transaction ends. Gives undefined, and stores nothing, when the cluster is not to be
 * judged by this look: it is going, or an operation worked on it meanwhile, which may take servers away and bring them back.
 * The revision stays what it is: a customer's If-Match is about what was decided for the cluster, not about what is seen of it.
 */
export async function recordLook(tx: Transaction, look: LookRecord): Promise<RecordedLook | undefined> {
  const { clusterId, now } = look;
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId }, include: { serverRecords: true } });
  if (!cluster || !(await wasAtRest(tx, cluster, now))) {
    await tx.clusterFinding.deleteMany({ where: { clusterId } });
    return undefined;
  }
  const isSuspended = cluster.powerState === 'Suspended';
  const { findings, hasNews } = await storeFindings(tx, isSuspended ? { ...look, found: [] } : look);
  const before = cluster.conditions as unknown as Condition[];
  const decided: RepairDecision = isSuspended ? { decision: 'nothing' } : await decideDueRepair(tx, clusterId, look);
  const observed = isSuspended ? [SUSPENDED] : suspend(look.conditions(findings), decided);
  const after = observed.reduce((all, condition) => observeCondition(all, condition, now), before);
  const changed = changedConditions(before, after);
  for (const { reason, message } of changed) await recordClusterEvent(tx, { clusterId, type: reason, message });
  const data = { observedAt: now, conditions: after as unknown as Prisma.InputJsonValue };
  await tx.cluster.update({ where: { id: clusterId }, data });
  await recordServers(tx, cluster, look.servers ?? [], now);
  const repair = decided.decision === 'repair' ? await recordDueRepair(tx, cluster, decided.findings, now) : undefined;
  return { cluster, findings, hasNews, changed, repair };
}

const SUSPENDED: ObservedCondition = {
  type: 'Available',
  status: 'False',
  reason: 'Suspended',
  message: 'The cluster is suspended: its servers are stopped. Resume it to use it.',
};

/** An operation that ended after the look began has changed what the look saw. */
async function wasAtRest(tx: Transaction, { id, provisioningState, deletedAt }: Cluster, since: Date): Promise<boolean> {
  if (deletedAt !== null || provisioningState === 'Deleting' || provisioningState === 'Deleted') return false;
  const about = { clusterId: id, subject: clusterSubject(id) };
  const working = [{ state: { in: ['Pending' as const, 'Running' as const] } }, { finishedAt: { gt: since } }];
  return (await tx.operation.count({ where: { ...about, OR: working } })) === 0;
}
