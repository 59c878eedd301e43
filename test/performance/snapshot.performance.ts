import { randomUUID } from 'node:crypto';
import { definePerformance } from '@managed-consul/testing';
import { signIn } from '../support/customer';
import { serviceStatus } from '../support/service-status';
import { bareSnapshot, leaderOf, snapshotsContainer } from './bare-snapshot';
import { rootTarget, takeSnapshot, writeKeys } from './keys-and-snapshots';
import { median } from './median';

const KEYS = 100_000;
const ROUNDS = 5;
const LARGEST_RATIO = 1.5;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/**
 * From the request to a snapshot that is VERIFIED, through the running service, beside saving one from the same leader and
 * storing it in the same account; the two take turns.
 */
export const snapshot = definePerformance({
  name: 'snapshot',
  description: `request to verified snapshot of ${KEYS} keys on 3 servers, against a plain save and upload (needs ./hcs up)`,
  run: async ({ say }) => {
    const status = await serviceStatus();
    const customer = signIn(status, status.samples.customer);
    const name = `snapshot-${randomUUID().slice(0, 6)}`;
    const cluster = await customer.createCluster({ name, servers: 3, networkCidr: '10.78.0.0/24' });
    try {
      const leader = await leaderOf(await rootTarget(customer, cluster));
      const container = await snapshotsContainer(status, customer, cluster.id);
      await writeKeys(leader, 0, KEYS);
      // The first of each loads code and opens connections that all others use.
      const bytes = await bareSnapshot(leader, container, 'bare/first');
      await takeSnapshot(customer, cluster.id);
      say(`${(bytes / 2 ** 20).toFixed(1)} MiB from the leader`);
      const [bare, service]: [number[], number[]] = [[], []];
      for (let round = 1; round <= ROUNDS; round += 1) {
        bare.push(await timed(() => bareSnapshot(leader, container, `bare/${round}`)));
        service.push(await timed(() => takeSnapshot(customer, cluster.id)));
        say(`round ${round}: bare ${bare.at(-1)?.toFixed(0)} ms, service ${service.at(-1)?.toFixed(0)} ms`);
      }
      return [
        {
          name: `request to verified snapshot, ${KEYS} keys`,
          value: median(service) / 1000,
          unit: 's',
          bare: median(bare) / 1000,
          hold: { is: 'at most', ratio: LARGEST_RATIO },
        },
      ];
    } finally {
      await customer.deleteCluster(cluster.id);
    }
  },
});
