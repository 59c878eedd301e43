import { conditionsFrom, INFRASTRUCTURE_RULES, recordLook, type Finding, type ObservedCondition } from '@managed-consul/clusters';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { takeAzureInventory, type ClusterRecord, type SeenResource } from '@managed-consul/workflows';
import type { Look, ScheduleDependencies, ScheduleFactory } from '../schedule';
import { endLook } from './end-look';
import { readCluster } from './read-cluster';

/** What is seen for the first time is looked at again after this long, at the latest; Azure's lists lag behind by seconds. */
const LOOK_AGAIN: Milliseconds = seconds(15);

interface AzureLook {
  found: readonly Finding[];
  /** All that was seen; undefined where Azure refused. */
  resources?: SeenResource[];
  refused?: ObservedCondition;
}

/** A refusal by Azure is an answer: the service may not see what is there, e.g. because the application was taken away. */
async function lookOrRefusal(dependencies: ScheduleDependencies, cluster: ClusterRecord): Promise<AzureLook> {
  try {
    return await takeAzureInventory({ ...dependencies, cluster });
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    const message = `Azure does not let the service see the cluster's resources. ${error.publicMessage}`;
    return { found: [], refused: { type: 'InfrastructureInSync', status: 'Unknown', reason: 'NotReadable', message } };
  }
}

/** For operators, whose API reaches no Azure: what was last seen, and when. */
async function recordInventory(tx: Transaction, clusterId: string, seen: SeenResource[], seenAt: Date): Promise<void> {
  const resources = seen.map((resource) => ({ ...resource }));
  const update = { seenAt, resources };
  await tx.azureInventory.upsert({ where: { clusterId }, create: { clusterId, ...update }, update });
}

async function inspect(dependencies: ScheduleDependencies, cluster: ClusterRecord, { now }: Look): Promise<Date> {
  const { database, inspectEvery, repairAfter } = dependencies;
  const { found, resources, refused } = await lookOrRefusal(dependencies, cluster);
  const clusterId = cluster.id;
  const recorded = await database.prisma.$transaction(async (tx) => {
    const look = await recordLook(tx, {
      ...{ clusterId, now, repairAfter, source: 'inspect', found },
      conditions: (findings) => (refused ? [refused] : conditionsFrom(INFRASTRUCTURE_RULES, findings)),
    });
    if (look && resources) await recordInventory(tx, clusterId, resources, now);
    return look;
  });
  await endLook(dependencies, cluster.id, recorded);
  return new Date(now.getTime() + (recorded?.hasNews ? Math.min(LOOK_AGAIN, inspectEvery) : inspectEvery));
}

/** Compares what each cluster has in Azure with what the service made: machines, networks, rules, storage. */
export const inspectSchedule: ScheduleFactory = (dependencies) => ({
  kind: 'inspect',
  run: async (clusterId, look) => {
    const cluster = await readCluster(dependencies.database, clusterId);
    return cluster && inspect(dependencies, cluster, look);
  },
});
