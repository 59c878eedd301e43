import { OPERATION_KINDS, type Finding } from '@managed-consul/clusters';
import { z } from 'zod';
import type { Services } from '../services';

type LookingForMissing = Pick<Services, 'database' | 'cluster'>;

/** Operations whose end says how many servers a cluster is to have. */
const SAY_HOW_MANY: readonly string[] = [
  OPERATION_KINDS.createCluster,
  OPERATION_KINDS.cloneCluster,
  OPERATION_KINDS.scaleCluster,
  OPERATION_KINDS.recoverQuorum,
  OPERATION_KINDS.repairCluster,
  OPERATION_KINDS.resizeCluster,
];

/** Those of them that first take servers out and then put new ones in. */
const EXCHANGE_SERVERS: readonly string[] = [OPERATION_KINDS.repairCluster, OPERATION_KINDS.recoverQuorum];

/** Those of them that go on from a number which they have found or worked out. */
const HAVE_PLANS: readonly string[] = [...EXCHANGE_SERVERS, OPERATION_KINDS.resizeCluster];

/** The steps whose output says how many servers shall be there. */
const PLAN_STEPS: readonly string[] = ['confirmRepair', 'chooseSurvivors', 'confirmClusterCanBeResized'];
const planSchema = z.object({ servers: z.int() });
const hasPlan = { name: { in: [...PLAN_STEPS] }, state: 'Succeeded' as const };

/** How the last of `kinds` ended that says how many servers there shall be, and the number that it had planned. */
async function lastThatSays({ database, cluster }: LookingForMissing, kinds: readonly string[]) {
  const last = await database.prisma.operation.findFirst({
    where: {
      ...{ clusterId: cluster.id, kind: { in: [...kinds] }, finishedAt: { not: null } },
      // One that failed before it had a plan says nothing.
      OR: [{ kind: { notIn: [...HAVE_PLANS] } }, { state: 'Succeeded' }, { steps: { some: hasPlan } }],
    },
    orderBy: { finishedAt: 'desc' },
    select: { kind: true, state: true, steps: { where: hasPlan, select: { output: true } } },
  });
  if (!last) return undefined;
  return { kind: last.kind, state: last.state, planned: planSchema.safeParse(last.steps[0]?.output).data?.servers };
}

/**
 * How many servers the cluster is to have. A repair and a recovery take servers out before they put new ones in, so one that
 * failed between leaves fewer than it has planned; a resize brings none back, so its plan still names those that were missing
 * before. Whatever else has ended since then, and set a number, has set it on purpose.
 */
export async function serversWanted(looking: LookingForMissing): Promise<number> {
  const count = looking.cluster.serverRecords.length;
  const last = await lastThatSays(looking, SAY_HOW_MANY);
  if (!last || (EXCHANGE_SERVERS.includes(last.kind) && last.state === 'Succeeded')) return count;
  return Math.max(count, last.planned ?? count);
}

/**
 * How many servers a resize is to leave. One that failed after the new server became a member and before the old one left has one
 * too many, whatever has repaired the cluster since: only a change of the number makes four of three on purpose.
 */
export async function serversIntended(looking: LookingForMissing): Promise<number> {
  const wanted = await serversWanted(looking);
  const last = await lastThatSays(looking, [OPERATION_KINDS.scaleCluster, OPERATION_KINDS.resizeCluster]);
  return last && last.state !== 'Succeeded' ? Math.min(wanted, last.planned ?? wanted) : wanted;
}

/** Servers that a repair or a recovery which did not come to its end has left missing. */
export async function lookForMissingServers(looking: LookingForMissing): Promise<Finding[]> {
  const count = looking.cluster.serverRecords.length;
  const wanted = await serversWanted(looking);
  if (wanted === count) return [];
  const message = `The cluster has ${count} servers in place of ${wanted}, because a repair or a recovery did not come to its end.`;
  return [{ reason: 'ServerMissing', about: '', message }];
}
