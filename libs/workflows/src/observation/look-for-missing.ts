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
];

/** Those of them that first take servers out and then put new ones in, and the steps whose output says how many shall be there. */
const EXCHANGE_SERVERS: readonly string[] = [OPERATION_KINDS.repairCluster, OPERATION_KINDS.recoverQuorum];
const PLAN_STEPS: readonly string[] = ['confirmRepair', 'chooseSurvivors'];
const planSchema = z.object({ servers: z.int() });

/**
 * How many servers the cluster is to have. A repair and a recovery take servers out before they put new ones in, so one that
 * failed between leaves fewer than it has planned. Whatever else has ended since then, and set a number, has set it on purpose.
 */
export async function serversWanted({ database, cluster }: LookingForMissing): Promise<number> {
  const count = cluster.serverRecords.length;
  const hasPlan = { name: { in: [...PLAN_STEPS] }, state: 'Succeeded' as const };
  const last = await database.prisma.operation.findFirst({
    where: {
      ...{ clusterId: cluster.id, kind: { in: [...SAY_HOW_MANY] }, finishedAt: { not: null } },
      // One that failed before it had a plan says nothing.
      OR: [{ kind: { notIn: [...EXCHANGE_SERVERS] } }, { state: 'Succeeded' }, { steps: { some: hasPlan } }],
    },
    orderBy: { finishedAt: 'desc' },
    select: { kind: true, state: true, steps: { where: hasPlan, select: { output: true } } },
  });
  if (!last || !EXCHANGE_SERVERS.includes(last.kind) || last.state === 'Succeeded') return count;
  return Math.max(count, planSchema.safeParse(last.steps[0]?.output).data?.servers ?? count);
}

/** Servers that a repair or a recovery which did not come to its end has left missing. */
export async function lookForMissingServers(looking: LookingForMissing): Promise<Finding[]> {
  const count = looking.cluster.serverRecords.length;
  const wanted = await serversWanted(looking);
  if (wanted === count) return [];
  const message = `The cluster has ${count} servers in place of ${wanted}, because a repair or a recovery did not come to its end.`;
  return [{ reason: 'ServerMissing', about: '', message }];
}
