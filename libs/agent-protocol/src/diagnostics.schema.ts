import { z } from 'zod';

/**
 * What a machine tells of its Consul to whoever may only look: `GET /v1/diagnostics/<what>`. Each answer has the fields that are
 * named here and no others, whatever Consul's own has: no keys, no tokens, nothing that customers store.
 */
const whole = z.number().int();

export const membersDiagnosticSchema = z.object({
  /** How many there are; the list may be cut. */
  total: whole,
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

export const raftDiagnosticSchema = z.object({
  index: whole,
  servers: z.array(z.object({ id: z.string(), name: z.string(), address: z.string(), leader: z.boolean(), voter: z.boolean() })),
});

export const autopilotDiagnosticSchema = z.object({
  healthy: z.boolean(),
  failureTolerance: whole,
  servers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      address: z.string(),
      serfState: z.string(),
      version: z.string(),
      leader: z.boolean(),
      voter: z.boolean(),
      healthy: z.boolean(),
      lastContact: z.string(),
      lastTerm: whole,
      lastIndex: whole,
      stableSince: z.string(),
    }),
  ),
  configuration: z.object({
    cleanupDeadServers: z.boolean(),
    minQuorum: whole,
    serverStabilizationTime: z.string(),
    lastContactThreshold: z.string(),
    maxTrailingLogs: whole,
  }),
});

export const metricsDiagnosticSchema = z.object({
  at: z.string(),
  gauges: z.array(z.object({ name: z.string(), value: z.number() })),
  counters: z.array(z.object({ name: z.string(), count: z.number(), sum: z.number() })),
  samples: z.array(z.object({ name: z.string(), count: z.number(), mean: z.number(), max: z.number() })),
});

export const usageDiagnosticSchema = z.object({ nodes: whole, services: whole, serviceInstances: whole });

export const keyringDiagnosticSchema = z.object({
  rings: z.array(
    z.object({
      wan: z.boolean(),
      datacenter: z.string(),
      members: whole,
      keys: whole,
      /** Keys that every living member holds. */
      keysHeldByAll: whole,
      /** Keys that members encrypt with; null where a version of Consul does not tell. */
      primaryKeys: whole.nullable(),
    }),
  ),
});

/** Answers by what is asked for. */
export const DIAGNOSTICS = {
  members: membersDiagnosticSchema,
  raft: raftDiagnosticSchema,
  autopilot: autopilotDiagnosticSchema,
  metrics: metricsDiagnosticSchema,
  usage: usageDiagnosticSchema,
  keyring: keyringDiagnosticSchema,
} as const;

export type DiagnosticKind = keyof typeof DIAGNOSTICS;
export type Diagnostic<Kind extends DiagnosticKind = DiagnosticKind> = z.infer<(typeof DIAGNOSTICS)[Kind]>;

/** Their path on the agent. */
export const DIAGNOSTICS_PATH = /^\/v1\/diagnostics\/(members|raft|autopilot|metrics|usage|keyring)$/;
