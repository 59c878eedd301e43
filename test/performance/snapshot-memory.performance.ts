import { randomUUID } from 'node:crypto';
import { definePerformance, type Figure } from '@managed-consul/testing';
import { signIn } from '../support/customer';
import { agentAt, forgetPeakMemory, peakMemory } from '../support/peak-memory';
import { serviceStatus, type ServiceStatus } from '../support/service-status';
import { rootTarget, takeSnapshot, writeKeys } from './keys-and-snapshots';

const FEW_KEYS = 1_000;
const MANY_KEYS = 100_000;
const ROUNDS = 3;
/** Flat: what is left is the garbage collector's mood. A snapshot held whole would show as ten MiB and more. */
const LARGEST_RATIO = 1.25;

/** Every process that a snapshot's request or its bytes could go through. */
function processesOf(status: ServiceStatus, serverAddress: string): Map<string, number> {
  const processes = new Map([['server agent', agentAt(serverAddress)]]);
  for (const { name, pid } of status.components) if (pid !== null && /worker|gateway/.test(name)) processes.set(name, pid);
  return processes;
}

/** The most that each process held during any of several snapshots, in MiB. */
async function peaksDuring(processes: ReadonlyMap<string, number>, snapshot: () => Promise<void>): Promise<Map<string, number>> {
  const peaks = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const pid of processes.values()) forgetPeakMemory(pid);
    await snapshot();
    for (const [name, pid] of processes) peaks.set(name, Math.max(peaks.get(name) ?? 0, peakMemory(pid)));
  }
  return peaks;
}

/** Whether a snapshot passes through every process without ever being held there: the same peak for few keys and for many. */
export const snapshotMemory = definePerformance({
  name: 'snapshot-memory',
  description: 'peak memory of agent, worker and gateway while a snapshot of 1k and of 100k keys is taken (needs ./hcs up)',
  run: async ({ say }) => {
    const status = await serviceStatus();
    const customer = signIn(status, status.samples.customer);
    const cluster = await customer.createCluster({
      name: `memory-${randomUUID().slice(0, 6)}`,
      servers: 1,
      networkCidr: '10.79.0.0/24',
    });
    try {
      const target = await rootTarget(customer, cluster);
      const processes = processesOf(status, target.address);
      const snapshot = () => takeSnapshot(customer, cluster.id);
      // The first snapshot loads the code that all others use.
      await snapshot();
      await writeKeys(target, 0, FEW_KEYS);
      const few = await peaksDuring(processes, snapshot);
      await writeKeys(target, FEW_KEYS, MANY_KEYS);
      const many = await peaksDuring(processes, snapshot);
      for (const name of processes.keys())
        say(
          `${name}: ${few.get(name)?.toFixed(0)} MiB with ${FEW_KEYS} keys, ${many.get(name)?.toFixed(0)} MiB with ${MANY_KEYS}`,
        );
      return [...many].map(([name, value]): Figure => ({
        name: `peak memory of ${name}, ${MANY_KEYS} keys beside ${FEW_KEYS}`,
        value,
        unit: 'MiB',
        bare: few.get(name) ?? Number.NaN,
        hold: { is: 'at most', ratio: LARGEST_RATIO },
      }));
    } finally {
      await customer.deleteCluster(cluster.id);
    }
  },
});
