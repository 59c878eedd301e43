/** What the benchmarks of snapshots have in common: a cluster's keys, and a snapshot of it asked for as a customer does. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { ClusterBody } from '@managed-consul/api-contract';
import { askConsul, type ConsulTarget } from '../support/consul-https';
import type { Customer } from '../support/customer';

const VALUE_BYTES = 100;
/** Consul's own limit for one transaction. */
const KEYS_A_TRANSACTION = 64;
const TRANSACTIONS_AT_ONCE = 8;

/** The first server of a cluster, reached with the cluster's own CA and a new root token. */
export async function rootTarget(customer: Customer, cluster: ClusterBody): Promise<ConsulTarget> {
  const address = cluster.observed.servers[0]?.address;
  if (address === undefined) throw new Error('The cluster has no server.');
  const { caPem } = (await customer.api.call('createClientBundle', { params: { id: cluster.id }, body: {} })).body;
  const accepted = await customer.api.call('createRootToken', { params: { id: cluster.id }, body: {} });
  await customer.untilEnded(accepted.body.operation.id);
  return { address, datacenter: cluster.datacenter, ca: caPem, token: accepted.body.rootToken.secretId };
}

/** Writes keys `from` to `to` with values that do not compress. */
export async function writeKeys(target: ConsulTarget, from: number, to: number): Promise<void> {
  let next = from;
  const write = async () => {
    while (next < to) {
      const first = next;
      next = Math.min(to, first + KEYS_A_TRANSACTION);
      const operations = Array.from({ length: next - first }, (_, index) => ({
        KV: { Verb: 'set', Key: `filled/${first + index}`, Value: randomBytes(VALUE_BYTES).toString('base64') },
      }));
      const { status, body } = await askConsul(target, 'PUT', '/v1/txn', JSON.stringify(operations));
      if (status !== 200) throw new Error(`Consul answered ${status} to a transaction: ${body}`);
    }
  };
  await Promise.all(Array.from({ length: TRANSACTIONS_AT_ONCE }, write));
}

async function expectSuccess(customer: Customer, what: string, operationId: string): Promise<void> {
  const operation = await customer.untilEnded(operationId);
  if (operation.status !== 'Succeeded') throw new Error(`${what} ended ${operation.status}: ${JSON.stringify(operation.error)}`);
}

/** Asks for a snapshot and waits until it is VERIFIED. Gives its id. */
export async function takeSnapshot(customer: Customer, clusterId: string): Promise<string> {
  const body = { name: `timed-${randomUUID().slice(0, 8)}` };
  const accepted = await customer.api.call('createSnapshot', { params: { id: clusterId }, body });
  await expectSuccess(customer, 'The snapshot', accepted.body.operation.id);
  return accepted.body.snapshot.id;
}

/** Has a snapshot restored aside and read, and waits until that has ended well. */
export async function drillSnapshot(customer: Customer, id: string): Promise<void> {
  const accepted = await customer.api.call('drillSnapshot', { params: { id }, body: {} });
  await expectSuccess(customer, 'The drill', accepted.body.operation.id);
}

/** Restores a cluster's own snapshot in place, without another one first, and waits until that has ended well. */
export async function restoreSnapshot(customer: Customer, clusterId: string, snapshotId: string): Promise<void> {
  const body = { snapshotId, safetySnapshot: false };
  const accepted = await customer.api.call('restoreCluster', { params: { id: clusterId }, body });
  await expectSuccess(customer, 'The restore', accepted.body.operation.id);
}
