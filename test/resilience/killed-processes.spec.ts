import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '@managed-consul/api-contract';
import { until } from '@managed-consul/testing';
import { resourcesIn } from '../support/azure-as-customer';
import { CONSUL_HTTPS_PORT } from '../support/consul-https';
import { signIn, type Customer } from '../support/customer';
import { listeningAddresses } from '../support/machine-processes';
import { seededRandom } from '../support/seeded-random';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

/** One kill a create, four of each; what is killed comes back by the service's own supervision. */
const VICTIMS = ['worker', 'gateway', 'api', 'redis', 'postgres'] as const;
const ROUNDS = 4;
const CREATE_USUALLY_TAKES_MILLISECONDS = 7000;

type Victim = (typeof VICTIMS)[number];

let status: ServiceStatus;
let customer: Customer;
let resourceGroup: string;
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const random = seededRandom(seed);

/** Tries again what a dead process made impossible; a refusal by the service itself is not tried again. */
async function patiently<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const answer = await until(
    async () => {
      try {
        return { result: await attempt() };
      } catch (error) {
        if (error instanceof ApiError && error.status < 500) return { refusal: error };
        throw error;
      }
    },
    { within: 60_000, because: 'the service answers again' },
  );
  if ('refusal' in answer) throw answer.refusal;
  return answer.result;
}

async function kill(victim: Victim): Promise<void> {
  if (victim === 'redis') {
    const redis = new Redis(status.redis.url, { lazyConnect: true, retryStrategy: () => null });
    await redis.connect();
    await redis.flushall();
    redis.disconnect();
  }
  const { components } = await serviceStatus();
  const pid = components.find(({ name }) => name === victim || name.startsWith(`${victim}-`))?.pid;
  if (!pid) throw new Error(`the service runs no ${victim}`);
  process.kill(pid, 'SIGKILL');
}

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
  const moment = Math.floor(random() * CREATE_USUALLY_TAKES_MILLISECONDS);
  const killed = new Promise<void>((resolve, reject) => setTimeout(() => void kill(victim).then(resolve, reject), moment));
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
      for (const victim of VICTIMS) {
        const { clusterId, ended } = await createWhileKilling(victim, round);
        results.push({ victim, ended });
        const ids = await resourcesIn(status, customer, resourceGroup);
        expect(new Set(ids).size).toBe(ids.length);
        await patiently(() => customer.deleteCluster(clusterId));
      }
    }
    expect(results.filter(({ ended }) => ended !== 'Succeeded')).toEqual([]);
    expect(results).toHaveLength(VICTIMS.length * ROUNDS);
    expect(await resourcesIn(status, customer, resourceGroup)).toEqual(resourcesBefore);
    expect(listeningAddresses(CONSUL_HTTPS_PORT).sort()).toEqual(serversBefore);
  });
});
