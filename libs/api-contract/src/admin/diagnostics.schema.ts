import { z } from 'zod';
import { idParamsSchema } from '../route-parts';
import { timestampSchema } from '../primitives.schema';

const names = ['members', 'raft', 'autopilot', 'metrics', 'usage', 'keyring'] as const;
export const diagnosticParamsSchema = idParamsSchema.extend({ diagnostic: z.enum(names) });

/** Each answer lists its fields; what else Consul says is not passed on, so nothing secret can come with a later version of it. */
const members = z.object({
  total: z.int().meta({ description: 'How many there are; at most 1000 are listed.' }),
  members: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      state: z.enum(['none', 'alive', 'leaving', 'left', 'failed']),
      role: z.string(),
      datacenter: z.string(),
      build: z.string(),
    }),
  ),
});
const peer = z.object({ id: z.string(), name: z.string(), address: z.string(), leader: z.boolean(), voter: z.boolean() });
const raft = z.object({ index: z.int(), servers: z.array(peer) });
const autopilot = z.object({
  healthy: z.boolean(),
  failureTolerance: z.int(),
  servers: z.array(
    peer.extend({
      serfState: z.string(),
      version: z.string(),
      healthy: z.boolean(),
      lastContact: z.string(),
      lastTerm: z.int(),
      lastIndex: z.int(),
      stableSince: z.string(),
    }),
  ),
  configuration: z.object({
    cleanupDeadServers: z.boolean(),
    minQuorum: z.int(),
    serverStabilizationTime: z.string(),
    lastContactThreshold: z.string(),
    maxTrailingLogs: z.int(),
  }),
});
const metrics = z.object({
  at: z.string(),
  gauges: z.array(z.object({ name: z.string(), value: z.number() })),
  counters: z.array(z.object({ name: z.string(), count: z.number(), sum: z.number() })),
  samples: z.array(z.object({ name: z.string(), count: z.number(), mean: z.number(), max: z.number() })),
});
const usage = z.object({ nodes: z.int(), services: z.int(), serviceInstances: z.int() });
const keyring = z.object({
  rings: z.array(
    z.object({
      wan: z.boolean(),
      datacenter: z.string(),
      members: z.int(),
      keys: z.int().meta({ description: 'How many keys are known; never the keys.' }),
      keysHeldByAll: z.int(),
      primaryKeys: z.int().nullable(),
    }),
  ),
});

export const diagnosticSchemas = { members, raft, autopilot, metrics, usage, keyring } as const;

export const diagnosticAnswerSchema = z.strictObject({
  diagnostic: z.enum(names),
  server: z.string().meta({ description: 'Name of the server that answered.' }),
  askedAt: timestampSchema,
  answer: z.union([autopilot, raft, members, metrics, usage, keyring]),
});
export type DiagnosticAnswerBody = z.infer<typeof diagnosticAnswerSchema>;
