import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '@managed-consul/testing';
import { resourcesIn } from '../support/azure-as-customer';
import { CONSUL_HTTPS_PORT } from '../support/consul-https';
import { signIn, type Customer } from '../support/customer';
import { listeningAddresses } from '../support/machine-processes';
import { killProcess, patiently, VICTIMS, type Victim } from '../support/process-killer';
import { seededRandom } from '../support/seeded-random';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

/** One kill a create, four of each; what is killed comes back by the service's own supervision. The creates of a round run side by side. */
const ROUNDS = 4;
const CREATES_USUALLY_TAKE_MILLISECONDS = 9000;

let status: ServiceStatus;
let customer: Customer;
let resourceGroup: string;
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const random = seededRandom(seed);

/** Creates a cluster, kills `victim` at a random moment of it, and waits until the operation has ended. */
async function createWhileKilling(victim: Victim, round: number): Promise<{ clusterId: string; ended: string }> {
  const body = {
    installationId: customer.identity.installationId,
    name: `kill-${victim}-${round}`,
    servers: round % 2 === 0 ? 1 : 3,
    networkCidr: `10.5${round}.${VICTIMS.indexOf(victim)}.0/24`,
    email: 'platform-team@example.com',
  };
  const headers = { 'idempotency-key': randomUUID() };
  const moment = Math.floor(random() * CREATES_USUALLY_TAKE_MILLISECONDS);
  const killed = new Promise<void>((resolve, reject) => setTimeout(() => void killProcess(victim).then(resolve, reject), moment));
  const accepted = await patiently(() => customer.api.call('createCluster', { body, headers }));
  await killed;
  const params = { id: accepted.body.operation.id };
  const { status: ended, error } = await until(
    async () => {
      const { body: operation } = await customer.api.call('getOperation', { params });
      return ['Succeeded', 'Failed', 'Canceled'].includes(operation.status) && operation;
    },
    { within: 180_000, because: `the create during which ${victim} was killed after ${moment} ms ends` },
  );
  if (ended !== 'Succeeded') console.error(`seed ${seed}: ${victim} killed after ${moment} ms: ${JSON.stringify(error)}`);
  return { clusterId: accepted.body.cluster.id, ended };
}

beforeAll(async () => {
  console.log(`seed ${seed}; set TEST_SEED to repeat`);
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  const installation = await customer.api.call('getInstallation', { params: { id: customer.identity.installationId } });
  resourceGroup = installation.body.resourceGroup;
});

describe('a process killed at a random moment of a create', () => {
  it('costs no create, leaves no orphan in Azure, and no server process after delete', { timeout: 900_000 }, async () => {
    const resourcesBefore = await resourcesIn(status, customer, resourceGroup);
    const serversBefore = listeningAddresses(CONSUL_HTTPS_PORT).sort();
    const results: { victim: string; ended: string }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const created = await Promise.all(VICTIMS.map((victim) => createWhileKilling(victim, round)));
      results.push(...created.map(({ ended }, index) => ({ victim: VICTIMS[index] ?? '', ended })));
      const ids = await patiently(() => resourcesIn(status, customer, resourceGroup));
      expect(new Set(ids).size).toBe(ids.length);
      await Promise.all(created.map(({ clusterId }) => patiently(() => customer.deleteCluster(clusterId))));
    }
    expect(results.filter(({ ended }) => ended !== 'Succeeded')).toEqual([]);
    expect(results).toHaveLength(VICTIMS.length * ROUNDS);
    expect(await resourcesIn(status, customer, resourceGroup)).toEqual(resourcesBefore);
    expect(listeningAddresses(CONSUL_HTTPS_PORT).sort()).toEqual(serversBefore);
  });
});
