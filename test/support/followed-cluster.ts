import { randomUUID } from 'node:crypto';
import type { OperationBody } from '@managed-consul/api-contract';
import { until } from '@managed-consul/testing';
import type { Customer } from './customer';
import { patiently } from './process-killer';
import type { WriterTarget } from './steady-writer';

/** A cluster whose servers and authority a test keeps up with, as a well-kept client would. */
export interface FollowedCluster {
  readonly id: string;
  readonly name: string;
  /** Its servers, as last read. */
  servers(): readonly { name: string; address: string }[];
  /** Where to write, and what to trust, as last read. */
  readonly target: () => WriterTarget;
  refresh(): Promise<void>;
  stop(): void;
}

const REFRESH_MILLISECONDS = 1000;

/** How long an operation may take on a machine that six clusters keep busy; three servers are replaced in two quiet minutes. */
const PATIENCE_MILLISECONDS = 600_000;
const ENDED = ['Succeeded', 'Failed', 'Canceled'];

/** Waits until an operation has ended, though the service may be away now and then. */
export async function untilEnded({ api }: Customer, operationId: string, what: string): Promise<OperationBody> {
  return until(
    async () => {
      const { body } = await api.call('getOperation', { params: { id: operationId } });
      return ENDED.includes(body.status) && body;
    },
    { within: PATIENCE_MILLISECONDS, because: `${what} ends` },
  );
}

/** Asks until the answer has come and the operation has ended well: the secret is in the answer to the request alone. */
async function newRootToken(customer: Customer, id: string): Promise<string> {
  return until(
    async () => {
      const { body } = await customer.api.call('createRootToken', { params: { id }, body: {} });
      const { status, error } = await untilEnded(customer, body.operation.id, 'making a root token');
      if (status !== 'Succeeded') throw new Error(`There is no root token: ${JSON.stringify(error)}`);
      return body.rootToken.secretId;
    },
    { within: PATIENCE_MILLISECONDS, because: 'there is a root token' },
  );
}

async function createCluster(customer: Customer, request: { name: string; servers: number; networkCidr: string }) {
  const { installationId } = customer.identity;
  const body = { ...request, installationId, email: 'platform-team@example.com' };
  const headers = { 'idempotency-key': randomUUID() };
  const accepted = await patiently(() => customer.api.call('createCluster', { body, headers }));
  const { status, error } = await untilEnded(customer, accepted.body.operation.id, `the create of ${request.name}`);
  if (status !== 'Succeeded') throw new Error(`${request.name} was not created: ${JSON.stringify(error)}`);
  return accepted.body.cluster;
}

/** Creates a cluster with a root token and follows it until it is told to stop. Some process of the service may die meanwhile. */
export async function followCluster(
  customer: Customer,
  request: { name: string; servers: number; networkCidr: string },
): Promise<FollowedCluster> {
  const { id, name, datacenter } = await createCluster(customer, request);
  const token = await newRootToken(customer, id);
  let servers: { name: string; address: string }[] = [];
  let ca = '';
  const refresh = async (): Promise<void> => {
    const params = { id };
    const [cluster, bundle] = await Promise.all([
      customer.api.call('getCluster', { params }),
      customer.api.call('createClientBundle', { params, body: {} }),
    ]);
    servers = cluster.body.observed.servers;
    ca = bundle.body.caPem;
  };
  await patiently(refresh);
  // The service may be away for a moment, by a test's own hand: the next look comes soon.
  const timer = setInterval(() => void refresh().catch(() => undefined), REFRESH_MILLISECONDS);
  return {
    id,
    name,
    servers: () => servers,
    target: () => ({ addresses: servers.map(({ address }) => address), datacenter, ca, token }),
    refresh,
    stop: () => clearInterval(timer),
  };
}
