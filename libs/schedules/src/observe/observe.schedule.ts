import {
  conditionsFrom,
  FEDERATION_RULES,
  findInFederation,
  findInServers,
  recordLook,
  SERVER_RULES,
  setSchedule,
  type ClusterFacts,
} from '@managed-consul/clusters';
import { seconds, type Milliseconds } from '@managed-consul/config';
import { recordServiceInstances } from '@managed-consul/usage';
import {
  countServiceInstances,
  lookAtFederation,
  lookAtServers,
  lookForMissingServers,
  type ClusterRecord,
} from '@managed-consul/workflows';
import type { Look, ScheduleDependencies, ScheduleFactory } from '../schedule';
import { endLook } from './end-look';
import { readCluster } from './read-cluster';
import { conditionsFromRecords } from './record-facts';

/** What is seen for the first time is looked at again after this long, at the latest. */
const LOOK_AGAIN: Milliseconds = seconds(5);

/** Findings that Azure may explain: its side is looked at as well, at once. */
const ASK_AZURE: readonly string[] = ['AgentAway', 'ServerDown', 'NotReachable', 'QuorumLost'];

async function observe(dependencies: ScheduleDependencies, cluster: ClusterRecord, { now, signal }: Look): Promise<Date> {
  const { database, agents, secrets, observeEvery, repairAfter } = dependencies;
  const clusterId = cluster.id;
  const isSuspended = cluster.powerState === 'Suspended';
  const facts: ClusterFacts = isSuspended
    ? { hasLeader: false, servers: [] }
    : await lookAtServers({ agents, cluster, secrets, signal });
  const federation = isSuspended ? undefined : await lookAtFederation({ agents, cluster, database, secrets, signal });
  const found = [
    ...findInServers(facts),
    ...(await lookForMissingServers({ database, cluster })),
    ...(federation ? findInFederation(federation) : []),
  ];
  const rules = federation ? [...SERVER_RULES, ...FEDERATION_RULES] : SERVER_RULES;
  const instances = await countServiceInstances({ agents, cluster, secrets, signal }, facts);
  const fromRecords = await conditionsFromRecords(database, cluster, facts, now);
  const recorded = await database.prisma.$transaction(async (tx) => {
    const look = await recordLook(tx, {
      ...{ clusterId, now, repairAfter, source: 'observe', found, servers: facts.servers },
      conditions: (findings) => [...conditionsFrom(rules, findings), ...fromRecords],
    });
    // The ledger carries on what was last seen where an hour goes by without a count.
    if (instances !== undefined) await recordServiceInstances(tx, clusterId, instances, now);
    const isNewToAzure = look?.findings.some(({ reason, looks }) => looks === 1 && ASK_AZURE.includes(reason)) ?? false;
    if (isNewToAzure) await setSchedule(tx, clusterId, 'inspect', now);
    return look;
  });
  await endLook(dependencies, clusterId, recorded);
  return new Date(now.getTime() + (recorded?.hasNews ? Math.min(LOOK_AGAIN, observeEvery) : observeEvery));
}

/** Looks at each cluster's servers: who runs, leads, votes and reports; and at versions, certificates and snapshots. */
export const observeSchedule: ScheduleFactory = (dependencies) => ({
  kind: 'observe',
  // Most looks are of this kind, and each waits for the servers of its cluster.
  places: 50,
  run: async (clusterId, look) => {
    const cluster = await readCluster(dependencies.database, clusterId);
    return cluster && observe(dependencies, cluster, look);
  },
});
