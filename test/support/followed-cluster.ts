import type { Customer } from './customer';
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

async function newRootToken(customer: Customer, clusterId: string): Promise<string> {
  const { body } = await customer.api.call('createRootToken', { params: { id: clusterId }, body: {} });
  const { status, error } = await customer.untilEnded(body.operation.id);
  if (status !== 'Succeeded') throw new Error(`There is no root token: ${JSON.stringify(error)}`);
  return body.rootToken.secretId;
}

/** Creates a cluster with a root token and follows it until it is told to stop. */
export async function followCluster(
  customer: Customer,
  request: { name: string; servers: number; networkCidr: string },
): Promise<FollowedCluster> {
  const { id, name, datacenter } = await customer.createCluster(request);
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
  await refresh();
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
