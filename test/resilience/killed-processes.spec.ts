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

/** Each process is killed in so many creates, one after the other; what is killed comes back by the service's own supervision. */
const CREATES_PER_VICTIM = 4;
const CREATES_USUALLY_TAKE_MILLISECONDS = 9000;

let status: ServiceStatus;
let customer: Customer;
let resourceGroup: string;
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const random = seededRandom(seed);

/** Creates a cluster, kills `victim` at a random moment of it, and waits until the operation has ended. */
async function createWhileKilling(victim: Victim, number: number): Promise<{ clusterId: string; ended: string }> {
  const body = {
    installationId: customer.identity.installationId,
    name: `kill-${victim}-${number}`,
    servers: number % 2 === 0 ? 1 : 3,
    networkCidr: `10.5${number}.${VICTIMS.indexOf(victim)}.0/24`,
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

/** Clusters with their kills, each deleted while the next is made. Gives how each create ended. */
async function createAndDeleteWhileKilling(victim: Victim): Promise<string[]> {
  const all: string[] = [];
  let previous: string | undefined;
  const deletePrevious = async (): Promise<void> => {
    const id = previous;
    if (id) await patiently(() => customer.deleteCluster(id));
  };
  for (let number = 0; number < CREATES_PER_VICTIM; number += 1) {
    const [{ clusterId, ended }] = await Promise.all([createWhileKilling(victim, number), deletePrevious()]);
    const ids = await patiently(() => resourcesIn(status, customer, resourceGroup));
    expect(new Set(ids).size).toBe(ids.length);
    all.push(ended);
    previous = clusterId;
  }
  await deletePrevious();
  return all;
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
    const ended = await Promise.all(VICTIMS.map(createAndDeleteWhileKilling));
    expect(ended.flat()).toEqual(Array<string>(VICTIMS.length * CREATES_PER_VICTIM).fill('Succeeded'));
    expect(await resourcesIn(status, customer, resourceGroup)).toEqual(resourcesBefore);
    expect(listeningAddresses(CONSUL_HTTPS_PORT).sort()).toEqual(serversBefore);
  });
});
