import { until } from '@managed-consul/testing';
import type { Customer } from './customer';
import type { FollowedCluster } from './followed-cluster';
import { loseMachine } from './lost-machine';
import { listeningAddresses } from './machine-processes';
import { patiently } from './process-killer';
import type { ServiceStatus } from './service-status';

const CONSUL_RPC_PORT = 8300;

type Headers = Record<string, string>;

/** One operation of a lane: how it is asked for, and about how long it takes. */
export interface Act {
  name: string;
  takes: number;
  request: (cluster: FollowedCluster, headers: Headers) => Promise<{ body: { operation: { id: string } } }>;
  /** Takes a server away before the operation is asked for; `gone` hears of it right before. */
  accident?: (cluster: FollowedCluster, gone: (address: string) => void) => Promise<void>;
}

/** Operations that one cluster goes through again and again; lanes run side by side, so every kill meets them all. */
export interface Lane {
  name: string;
  servers: number;
  /** False where the service stops all servers because it was asked to. */
  observed: boolean;
  /** How often the acts are gone through on one cluster. */
  rounds: number;
  acts: readonly Act[];
}

/** Where clusters are. */
interface Place {
  status: ServiceStatus;
  resourceGroup: string;
}

const call = (cluster: FollowedCluster, headers: Headers) => ({ params: { id: cluster.id }, headers });

async function newestSnapshot({ api }: Customer, cluster: FollowedCluster): Promise<string> {
  const { body } = await api.call('listClusterSnapshots', { params: { id: cluster.id } });
  const found = body.value.find(({ state }) => state === 'VERIFIED');
  if (!found) throw new Error(`${cluster.name} has no verified snapshot`);
  return found.id;
}

function backup(customer: Customer, rounds: number): Lane {
  const { api } = customer;
  return {
    name: 'backup',
    servers: 3,
    observed: true,
    rounds,
    acts: [
      {
        name: 'take a snapshot',
        takes: 2000,
        request: (cluster, headers) => api.call('createSnapshot', { ...call(cluster, headers), body: {} }),
      },
      {
        name: 'restore',
        takes: 8000,
        request: async (cluster, headers) => {
          const body = { snapshotId: await newestSnapshot(customer, cluster) };
          return api.call('restoreCluster', { ...call(cluster, headers), body });
        },
      },
    ],
  };
}

function scale({ api }: Customer, rounds: number): Lane {
  const to = (servers: 1 | 3): Act => ({
    name: `scale to ${servers}`,
    takes: 20_000,
    request: (cluster, headers) => api.call('scaleCluster', { ...call(cluster, headers), body: { servers } }),
  });
  return { name: 'scale', servers: 1, observed: true, rounds, acts: [to(3), to(1)] };
}

function resize({ api }: Customer, runs: number): Lane {
  const to = (vmSize: string): Act => ({
    name: `resize to ${vmSize}`,
    takes: 60_000,
    request: (cluster, headers) => api.call('resizeCluster', { ...call(cluster, headers), body: { vmSize } }),
  });
  const acts = [to('Standard_D4s_v3'), to('Standard_D2s_v3')];
  // Replacing three servers takes minutes: left to the long runs.
  return { name: 'resize', servers: runs > 1 ? 3 : 1, observed: true, rounds: Math.ceil(runs / acts.length), acts };
}

function power({ api }: Customer, rounds: number): Lane {
  return {
    name: 'power',
    servers: 3,
    observed: false,
    rounds,
    acts: [
      {
        name: 'suspend',
        takes: 5000,
        request: (cluster, headers) => api.call('suspendCluster', { ...call(cluster, headers), body: {} }),
      },
      {
        name: 'resume',
        takes: 8000,
        request: (cluster, headers) => api.call('resumeCluster', { ...call(cluster, headers), body: {} }),
      },
    ],
  };
}

function rotate({ api }: Customer, rounds: number): Lane {
  const kinds = ['GossipKey', 'ServerCertificates', 'AgentTokens', 'ConnectAuthority', 'CertificateAuthority'] as const;
  const acts = kinds.map((what): Act => ({
    name: `rotate ${what}`,
    takes: 5000,
    request: (cluster, headers) => api.call('createRotation', { ...call(cluster, headers), body: { what } }),
  }));
  return { name: 'rotate', servers: 3, observed: true, rounds, acts };
}

function upgrade({ api }: Customer, versions: readonly string[]): Lane {
  const acts = versions.map((consulVersion): Act => ({
    name: `upgrade to ${consulVersion}`,
    takes: 10_000,
    request: (cluster, headers) => api.call('upgradeCluster', { ...call(cluster, headers), body: { consulVersion } }),
  }));
  return { name: 'upgrade', servers: 3, observed: true, rounds: 1, acts };
}

function repair(customer: Customer, rounds: number, { status, resourceGroup }: Place): Lane {
  const loseLastServer: Act['accident'] = async (cluster, gone) => {
    const lost = cluster.servers().at(-1);
    if (!lost) throw new Error(`${cluster.name} has no server to lose`);
    gone(lost.address);
    const { subscriptionId } = customer.identity;
    await patiently(() => loseMachine(status, { subscriptionId, resourceGroup, clusterId: cluster.id }, lost.name));
    await until(() => !listeningAddresses(CONSUL_RPC_PORT).includes(lost.address), {
      within: 60_000,
      because: `the machine of ${lost.name} is gone`,
    });
  };
  const act: Act = {
    name: 'repair a lost machine',
    takes: 20_000,
    accident: loseLastServer,
    request: (cluster, headers) => customer.api.call('repairCluster', { ...call(cluster, headers), body: {} }),
  };
  return { name: 'repair', servers: 3, observed: true, rounds, acts: [act] };
}

/**
 * Every operation that changes a running cluster, each to be done `runs` times. Lanes in one list follow one another, each with a
 * cluster of its own, because a cluster can be upgraded to a version once.
 */
export function lifecycleLanes(
  customer: Customer,
  place: Place & { runs: number; versions: readonly string[] },
): [Lane, ...Lane[]][] {
  const { status, resourceGroup, runs, versions } = place;
  const upgrades = Array.from({ length: Math.ceil(runs / versions.length) - 1 }, () => upgrade(customer, versions));
  return [
    [backup(customer, runs)],
    [scale(customer, runs)],
    [resize(customer, runs)],
    [power(customer, runs)],
    [rotate(customer, runs)],
    [repair(customer, runs, { status, resourceGroup })],
    [upgrade(customer, versions), ...upgrades],
  ];
}
