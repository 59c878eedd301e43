import type { Diagnostic } from '@managed-consul/agent-protocol';
import { z } from 'zod';

/** What is told of Consul's own figures, below `consul.`. Others may be named after what customers call their services. */
const TOLD: ReadonlySet<string> = new Set([
  ...['runtime.alloc_bytes', 'runtime.sys_bytes', 'runtime.heap_objects', 'runtime.num_goroutines', 'runtime.gc_pause_ns'],
  ...['runtime.total_gc_pause_ns', 'raft.apply', 'raft.appliedIndex', 'raft.lastIndex', 'raft.commitTime', 'raft.fsm.apply'],
  ...['raft.leader.lastContact', 'raft.leader.dispatchLog', 'raft.leader.oldestLogAge', 'raft.thread.main.saturation'],
  ...[
    'raft.state.leader',
    'raft.state.candidate',
    'raft.rpc.appendEntries',
    'raft.boltdb.freelistBytes',
    'raft.boltdb.storeLogs',
  ],
  ...['raft.fsm.lastRestoreDuration', 'rpc.request', 'rpc.query', 'rpc.request_error', 'rpc.rate_limit.exceeded'],
  ...['client.rpc', 'client.rpc.exceeded', 'client.rpc.failed', 'kvs.apply', 'txn.apply', 'catalog.register'],
  ...['catalog.deregister', 'session.apply', 'autopilot.healthy', 'autopilot.failure_tolerance', 'acl.ResolveToken'],
  ...[
    'memberlist.gossip',
    'memberlist.health.score',
    'serf.member.flap',
    'serf.member.failed',
    'serf.events',
    'leader.reconcile',
  ],
]);

const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

const metricsSchema = z.object({
  Timestamp: z.string(),
  Gauges: listOf(z.object({ Name: z.string(), Value: z.number() })),
  Counters: listOf(z.object({ Name: z.string(), Count: z.number(), Sum: z.number() })),
  Samples: listOf(z.object({ Name: z.string(), Count: z.number(), Mean: z.number(), Max: z.number() })),
});

/** The name as it is told; undefined for one that is not. Gauges have the node's name, which may hold dots, in their middle. */
function toldName(name: string): string | undefined {
  if (!name.startsWith('consul.')) return undefined;
  const parts = name.split('.').slice(1);
  return parts.map((_, index) => parts.slice(index).join('.')).find((end) => TOLD.has(end));
}

const told = <Metric extends { Name: string }, Shown>(
  metrics: readonly Metric[],
  show: (name: string, metric: Metric) => Shown,
): Shown[] =>
  metrics.flatMap((metric) => {
    const name = toldName(metric.Name);
    return name === undefined ? [] : [show(name, metric)];
  });

/** Of Consul's answer the figures that are told, without their labels. Throws on an answer that is none. */
export function pickMetrics(answer: unknown): Diagnostic<'metrics'> {
  const { Timestamp, Gauges, Counters, Samples } = metricsSchema.parse(answer);
  return {
    at: Timestamp,
    gauges: told(Gauges, (name, { Value: value }) => ({ name, value })),
    counters: told(Counters, (name, { Count: count, Sum: sum }) => ({ name, count, sum })),
    samples: told(Samples, (name, { Count: count, Mean: mean, Max: max }) => ({ name, count, mean, max })),
  };
}
