import { randomUUID } from 'node:crypto';
import { definePerformance, type Figure } from '@managed-consul/testing';
import type { ClusterBody } from '@managed-consul/api-contract';
import { signIn, type Customer } from '../support/customer';
import { agentAt, forgetPeakMemory, peakMemory } from '../support/peak-memory';
import { serviceStatus, type ServiceStatus } from '../support/service-status';
import { drillSnapshot, restoreSnapshot, rootTarget, takeSnapshot, writeKeys } from './keys-and-snapshots';

const FEW_KEYS = 1_000;
const MANY_KEYS = 100_000;
const ROUNDS = 3;
/** Flat: what is left is the garbage collector's mood. A snapshot held whole would show as ten MiB and more. */
const LARGEST_RATIO = 1.25;

/** Every process that a snapshot's request, its bytes, or those of a drill or a restore could go through. */
function processesOf(status: ServiceStatus, serverAddress: string): Map<string, number> {
  const processes = new Map([['server agent', agentAt(serverAddress)]]);
  for (const { name, pid } of status.components) if (pid !== null && /worker|gateway/.test(name)) processes.set(name, pid);
  return processes;
}

/** The most that each process held while `work` was done several times, in MiB. */
async function peaksDuring(processes: ReadonlyMap<string, number>, work: () => Promise<unknown>): Promise<Map<string, number>> {
  const peaks = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const pid of processes.values()) forgetPeakMemory(pid);
    await work();
    for (const [name, pid] of processes) peaks.set(name, Math.max(peaks.get(name) ?? 0, peakMemory(pid)));
  }
  return peaks;
}

const KINDS = ['snapshot', 'drill', 'restore'] as const;

/** The peaks of each process during each kind of work on the cluster as it is filled now, by `kind: process`. */
async function peaksNow(
  customer: Customer,
  { id }: ClusterBody,
  processes: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  const snapshotId = await takeSnapshot(customer, id);
  const works = {
    snapshot: () => takeSnapshot(customer, id),
    drill: () => drillSnapshot(customer, snapshotId),
    restore: () => restoreSnapshot(customer, id, snapshotId),
  };
  const peaks = new Map<string, number>();
  for (const kind of KINDS) {
    // The first of each loads the code that all others use.
    await works[kind]();
    for (const [name, peak] of await peaksDuring(processes, works[kind])) peaks.set(`${kind}: ${name}`, peak);
  }
  return peaks;
}

/** Whether a snapshot passes through every process without ever being held there: the same peak for few keys and for many. */
export const snapshotMemory = definePerformance({
  name: 'snapshot-memory',
  description:
    'peak memory of agent, worker and gateway in a snapshot, a drill and a restore of 1k and 100k keys (needs ./hcs up)',
  run: async ({ say }) => {
    const status = await serviceStatus();
    const customer = signIn(status, status.samples.customer);
    const name = `memory-${randomUUID().slice(0, 6)}`;
    const cluster = await customer.createCluster({ name, servers: 1, networkCidr: '10.79.0.0/24' });
    try {
      const target = await rootTarget(customer, cluster);
      const processes = processesOf(status, target.address);
      await writeKeys(target, 0, FEW_KEYS);
      const few = await peaksNow(customer, cluster, processes);
      // The root token is one of the state that was restored.
      await writeKeys(target, FEW_KEYS, MANY_KEYS);
      const many = await peaksNow(customer, cluster, processes);
      for (const [what, value] of many)
        say(`${what}: ${few.get(what)?.toFixed(0)} MiB with ${FEW_KEYS} keys, ${value.toFixed(0)} MiB with ${MANY_KEYS}`);
      return [...many].map(([what, value]): Figure => ({
        name: `peak memory, ${what}, ${MANY_KEYS} keys beside ${FEW_KEYS}`,
        value,
        unit: 'MiB',
        bare: few.get(what) ?? Number.NaN,
        hold: { is: 'at most', ratio: LARGEST_RATIO },
      }));
    } finally {
      await customer.deleteCluster(cluster.id);
    }
  },
});
