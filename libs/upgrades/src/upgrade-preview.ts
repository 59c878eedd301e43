import type { Caller } from '@managed-consul/access';
import {
  findWindow,
  getCluster,
  refuseWhileUnfinished,
  requireManageable,
  type ClusterWithServers,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import {
  inSameLine,
  listUpgradeVersions,
  parseVersion,
  planUpgrade,
  type UpgradeHop,
  type UpgradeVersion,
} from '@managed-consul/consul-versions';
import type { Database, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { readUpgradeFacts } from './running-versions';

/** What stands in the way of an upgrade: the code that a request would be refused with, or what the gates would wait for. */
export interface UpgradeObstacle {
  code: string;
  message: string;
}

/** What an upgrade would do, if it were asked for now. */
export interface UpgradePreview {
  /** Versions that the servers run; more than one after an upgrade that failed. */
  from: string[];
  to: string;
  /** Empty when a request would be refused. */
  hops: readonly UpgradeHop[];
  /** Names of the servers in the order in which each hop would go through them, the leader last. */
  order: string[];
  /** Consul can be put back to what it ran by hand of the service only within a line; else the safety snapshot is the way back. */
  canGoBack: boolean;
  /** True for a single server: the cluster cannot be used while that one restarts. */
  interruptsService: boolean;
  /** When the maintenance window opens next; undefined without one. An upgrade that is asked for does not wait for it. */
  nextWindow: Date | undefined;
  /** Empty when the upgrade can begin. */
  obstacles: UpgradeObstacle[];
}

const blackoutDatesOf = (cluster: ClusterWithServers): string[] => cluster.blackoutDates as string[];

/** What a request would be refused with, without asking for anything. */
async function refusalsNow(tx: Transaction, cluster: ClusterWithServers): Promise<UpgradeObstacle[]> {
  try {
    await refuseWhileUnfinished(tx, cluster.id);
    requireManageable(cluster);
    return [];
  } catch (error) {
    if (error instanceof AppError) return [{ code: error.code, message: error.message }];
    throw error;
  }
}

const sickServers = ({ serverRecords }: ClusterWithServers): UpgradeObstacle[] =>
  serverRecords
    .filter(({ healthy }) => healthy === false)
    .map(({ name }) => ({
      code: 'ServerUnhealthy',
      message: `${name} is not healthy; the upgrade takes no other server down before it is.`,
    }));

const leaderLast = ({ serverRecords }: ClusterWithServers): string[] =>
  [...serverRecords]
    .sort((one, other) => Number(one.raftRole === 'leader') - Number(other.raftRole === 'leader'))
    .map(({ name }) => name);

function staysInLine(from: readonly string[], to: string): boolean {
  const target = parseVersion(to);
  return from.every((version) => {
    const running = parseVersion(version);
    return target !== undefined && running !== undefined && inSameLine(running, target);
  });
}

/**
 * Says what an upgrade to a version would do, and everything that would stand in its way; changes nothing. By what the service
 * last saw of the servers. Throws ResourceNotFound and AuthorizationFailed.
 */
export async function previewUpgrade(
  tx: Transaction,
  { caller, clusterId, consulVersion }: { caller: Caller; clusterId: string; consulVersion: string },
  clock: Clock = systemClock,
): Promise<UpgradePreview> {
  const cluster = await getCluster(tx, caller, clusterId);
  const facts = await readUpgradeFacts(tx, cluster);
  const plan = planUpgrade({ ...facts, to: consulVersion });
  const refused = plan.kind === 'refusal' ? [{ code: plan.code, message: plan.message }] : [];
  const limits = { blackoutDates: blackoutDatesOf(cluster), deferredUntil: cluster.upgradeDeferredUntil };
  return {
    from: [...facts.from],
    to: consulVersion,
    hops: plan.kind === 'plan' ? plan.hops : [],
    order: leaderLast(cluster),
    canGoBack: staysInLine(facts.from, consulVersion),
    interruptsService: cluster.servers === 1,
    nextWindow: findWindow(cluster.maintenanceWindow as Parameters<typeof findWindow>[0], clock.now(), limits),
    obstacles: [...refused, ...(await refusalsNow(tx, cluster)), ...sickServers(cluster)],
  };
}

/** Every version later than a cluster's, the newest first, each with its plan or what stands in the way. */
export async function listVersionsForUpgrade(
  database: Database['prisma'] | Transaction,
  caller: Caller,
  clusterId: string,
): Promise<UpgradeVersion[]> {
  return listUpgradeVersions(await readUpgradeFacts(database, await getCluster(database, caller, clusterId)));
}
