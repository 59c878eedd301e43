import type { Diagnostic, DiagnosticKind } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import { z } from 'zod';
import { readFileIfThere } from './atomic-file';
import type { ConsulAddress } from './consul-configuration';
import { CONSUL_PATHS, type ConsulFolder } from './consul-folder';
import { askConsulForJson } from './consul-request';
import { pickMetrics } from './consul-metrics';
import { TaskFailedError } from './task-error';

/** For all requests of one answer together; whoever asks waits for ten seconds. */
const PATIENCE = seconds(8);
const MOST_MEMBERS = 1000;
/** Serf's numbers of a member's state (hashicorp/serf, serf/serf.go). */
const MEMBER_STATES = ['none', 'alive', 'leaving', 'left', 'failed'] as const;
/** The service as which Consul lists its own servers. */
const SERVER_SERVICE = 'consul';

const configurationSchema = z.object({
  acl: z.object({
    tokens: z.object({
      initial_management: z.string().optional(),
      master: z.string().optional(),
      replication: z.string().optional(),
    }),
  }),
});

/** A token that this machine holds and that may read all of this; it is used here and never leaves. A secondary has no other. */
async function ownToken(folder: Pick<ConsulFolder, 'at'>): Promise<string> {
  const file = await readFileIfThere(folder.at(CONSUL_PATHS.configuration));
  const found = file === undefined ? undefined : configurationSchema.safeParse(JSON.parse(file)).data?.acl.tokens;
  const token = found?.initial_management ?? found?.master ?? found?.replication;
  if (token !== undefined) return token;
  throw new TaskFailedError('ConsulNotReady', 'This machine holds no token that may look.', { mayPass: true });
}

type Ask = (path: string, alsoAnswers?: readonly number[]) => Promise<unknown>;

const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

const memberSchema = z.object({
  Name: z.string(),
  Addr: z.string(),
  Status: z.number(),
  Tags: z.record(z.string(), z.string()).nullish(),
});

async function members(ask: Ask): Promise<Diagnostic<'members'>> {
  const found = listOf(memberSchema).parse(await ask('/v1/agent/members'));
  const shown = found.slice(0, MOST_MEMBERS).map(({ Name: name, Addr: address, Status, Tags }) => ({
    ...{ name, address, state: MEMBER_STATES[Status] ?? 'none' },
    ...{ role: Tags?.['role'] ?? '', datacenter: Tags?.['dc'] ?? '', build: Tags?.['build'] ?? '' },
  }));
  return { total: found.length, members: shown };
}

const raftSchema = z.object({
  Index: z.number(),
  Servers: listOf(z.object({ ID: z.string(), Node: z.string(), Address: z.string(), Leader: z.boolean(), Voter: z.boolean() })),
});

async function raft(ask: Ask): Promise<Diagnostic<'raft'>> {
  const { Index: index, Servers } = raftSchema.parse(await ask('/v1/operator/raft/configuration'));
  const servers = Servers.map(({ ID: id, Node: name, Address: address, Leader: leader, Voter: voter }) => ({
    ...{ id, name, address, leader, voter },
  }));
  return { index, servers };
}

const healthSchema = z.object({
  Healthy: z.boolean(),
  FailureTolerance: z.number(),
  Servers: listOf(
    z.object({
      ID: z.string(),
      Name: z.string(),
      Address: z.string(),
      SerfStatus: z.string(),
      Version: z.string().default(''),
      Leader: z.boolean(),
      Voter: z.boolean(),
      Healthy: z.boolean(),
      LastContact: z.string().default(''),
      LastTerm: z.number().default(0),
      LastIndex: z.number().default(0),
      StableSince: z.string(),
    }),
  ),
});
const autopilotSchema = z.object({
  CleanupDeadServers: z.boolean(),
  MinQuorum: z.number().default(0),
  ServerStabilizationTime: z.string(),
  LastContactThreshold: z.string(),
  MaxTrailingLogs: z.number(),
});

async function autopilot(ask: Ask): Promise<Diagnostic<'autopilot'>> {
  // 429 with the same body says that a server is not healthy.
  const health = healthSchema.parse(await ask('/v1/operator/autopilot/health', [429]));
  const set = autopilotSchema.parse(await ask('/v1/operator/autopilot/configuration'));
  return {
    healthy: health.Healthy,
    failureTolerance: health.FailureTolerance,
    servers: health.Servers.map((one) => ({
      ...{ id: one.ID, name: one.Name, address: one.Address, serfState: one.SerfStatus, version: one.Version },
      ...{ leader: one.Leader, voter: one.Voter, healthy: one.Healthy, stableSince: one.StableSince },
      ...{ lastContact: one.LastContact, lastTerm: one.LastTerm, lastIndex: one.LastIndex },
    })),
    configuration: {
      cleanupDeadServers: set.CleanupDeadServers,
      minQuorum: set.MinQuorum,
      serverStabilizationTime: set.ServerStabilizationTime,
      lastContactThreshold: set.LastContactThreshold,
      maxTrailingLogs: set.MaxTrailingLogs,
    },
  };
}

const serviceSchema = z.object({ Name: z.string(), InstanceCount: z.number() });

/** Counts, from lists that do not leave the machine. */
async function usage(ask: Ask): Promise<Diagnostic<'usage'>> {
  const nodes = listOf(z.object({})).parse(await ask('/v1/catalog/nodes'));
  const services = listOf(serviceSchema).parse(await ask('/v1/internal/ui/services'));
  const own = services.filter(({ Name }) => Name !== SERVER_SERVICE);
  const serviceInstances = own.reduce((sum, { InstanceCount }) => sum + InstanceCount, 0);
  return { nodes: nodes.length, services: own.length, serviceInstances };
}

const ringSchema = z.object({
  WAN: z.boolean(),
  Datacenter: z.string(),
  NumNodes: z.number(),
  Keys: z.record(z.string(), z.number()).nullish(),
  PrimaryKeys: z.record(z.string(), z.number()).nullish(),
});

/** The keys are the names of the record: only how many there are is told. */
async function keyring(ask: Ask): Promise<Diagnostic<'keyring'>> {
  const rings = listOf(ringSchema).parse(await ask('/v1/operator/keyring'));
  return {
    rings: rings.map(({ WAN: wan, Datacenter: datacenter, NumNodes: count, Keys, PrimaryKeys }) => {
      const holders = Object.values(Keys ?? {});
      return {
        ...{ wan, datacenter, members: count, keys: holders.length },
        keysHeldByAll: holders.filter((held) => held === count).length,
        primaryKeys: PrimaryKeys ? Object.keys(PrimaryKeys).length : null,
      };
    }),
  };
}

const READERS: { [Kind in DiagnosticKind]: (ask: Ask) => Promise<Diagnostic<Kind>> } = {
  members,
  raft,
  autopilot,
  metrics: async (ask) => pickMetrics(await ask('/v1/agent/metrics')),
  usage,
  keyring,
};

/**
 * Asks the Consul of this machine one of a few fixed questions, with a token that the machine holds, and gives only the fields
 * that the protocol names. Throws `TaskFailedError`: `ConsulNotReachable`, `ConsulRefused`, `ConsulNotReady`.
 */
export async function diagnoseConsul(
  kind: DiagnosticKind,
  { address, folder }: { address: ConsulAddress | undefined; folder: Pick<ConsulFolder, 'at'> },
): Promise<Diagnostic> {
  if (!address) throw new TaskFailedError('ConsulNotReachable', 'This machine has no Consul yet.', { mayPass: true });
  const consul = { address, token: await ownToken(folder), signal: AbortSignal.timeout(PATIENCE) };
  const ask: Ask = (path, alsoAnswers) => askConsulForJson({ ...consul, path, ...(alsoAnswers ? { alsoAnswers } : {}) });
  try {
    return await READERS[kind](ask);
  } catch (cause) {
    if (cause instanceof TaskFailedError) throw cause;
    throw new TaskFailedError('ConsulNotReachable', 'Consul did not answer in time, or in a form that is not understood.', {
      ...{ mayPass: true, cause },
    });
  }
}
