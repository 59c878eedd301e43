import { randomUUID } from 'node:crypto';
import { consulBinary, definePerformance, type Figure } from '@managed-consul/testing';
import { signIn, type Customer } from '../support/customer';
import { serviceStatus } from '../support/service-status';
import { measureBareCluster } from './bare-cluster';
import { median } from './median';

const ROUNDS = 5;
const SIZES = [3, 1, 5] as const;
const LARGEST_RATIO = 2;
/** Loopback network of the bare servers; the service's machines have another. */
const BARE_ADDRESSES = '127.77.1';

async function measureService(customer: Customer, servers: number, round: number): Promise<number> {
  const began = performance.now();
  const name = `timed-${servers}-${randomUUID().slice(0, 6)}`;
  const cluster = await customer.createCluster({ name, servers, networkCidr: `10.7${round}.${servers}.0/24` });
  const took = performance.now() - began;
  await customer.deleteCluster(cluster.id);
  return took;
}

/**
 * From the request to a ready cluster, through the running service, beside the bare script; the two take turns. Ready means the
 * same for both: all servers healthy voters and a key written.
 */
export const createCluster = definePerformance({
  name: 'create-cluster',
  description: 'request to ready, 1, 3 and 5 servers, against a plain script that starts the same servers (needs ./hcs up)',
  run: async ({ say }) => {
    const status = await serviceStatus();
    const customer = signIn(status, status.samples.customer);
    const { path } = await consulBinary();
    const figures: Figure[] = [];
    for (const servers of SIZES) {
      const bare: number[] = [];
      const service: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        bare.push(await measureBareCluster({ consulBinary: path, servers, addressBlock: BARE_ADDRESSES }));
        service.push(await measureService(customer, servers, round));
        say(
          `${servers} servers, round ${round + 1}: bare ${bare.at(-1)?.toFixed(0)} ms, service ${service.at(-1)?.toFixed(0)} ms`,
        );
      }
      figures.push({
        name: `request to ready, ${servers} servers`,
        value: median(service) / 1000,
        unit: 's',
        bare: median(bare) / 1000,
        hold: { is: 'at most', ratio: LARGEST_RATIO },
      });
    }
    return figures;
  },
});
