import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '@managed-consul/api-contract';
import { until } from '@managed-consul/testing';
import { resourcesIn } from '../support/azure-as-customer';
import { CONSUL_HTTPS_PORT } from '../support/consul-https';
import { signIn, type Customer } from '../support/customer';
import { listeningAddresses } from '../support/machine-processes';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

let status: ServiceStatus;
let customer: Customer;
let resourceGroup: string;

const resources = () => resourcesIn(status, customer, resourceGroup);
const newName = (prefix: string) => `${prefix}-${randomUUID().slice(0, 6)}`;

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  const installation = await customer.api.call('getInstallation', { params: { id: customer.identity.installationId } });
  resourceGroup = installation.body.resourceGroup;
});

describe('delete-cluster', () => {
  it('leaves no server process and no resource of the cluster, and touches nothing else', async () => {
    const before = await resources();
    const cluster = await customer.createCluster({ name: newName('gone'), servers: 1, networkCidr: '10.40.0.0/24' });
    const [server] = cluster.observed.servers;
    expect(listeningAddresses(CONSUL_HTTPS_PORT)).toContain(server?.address);
    expect((await resources()).length).toBeGreaterThan(before.length);

    await customer.deleteCluster(cluster.id);
    expect(await resources()).toEqual(before);
    expect(listeningAddresses(CONSUL_HTTPS_PORT)).not.toContain(server?.address);
    const gone = customer.api.call('getCluster', { params: { id: cluster.id } }).then(
      ({ body }) => body.provisioningState,
      (error: unknown) => (error instanceof ApiError ? error.code : error),
    );
    expect(['Deleted', 'ResourceNotFound']).toContain(await gone);
  });

  it('is accepted while the create runs, and wins', async () => {
    const before = await resources();
    const body = {
      installationId: customer.identity.installationId,
      name: newName('overtaken'),
      servers: 3,
      networkCidr: '10.41.0.0/24',
      email: 'platform-team@example.com',
    };
    const create = await customer.api.call('createCluster', { body });
    await until(async () => (await resources()).length > before.length, {
      within: 60_000,
      because: 'the create builds something',
    });
    const deletion = await customer.api.call('deleteCluster', { params: { id: create.body.cluster.id } });
    expect(deletion.status).toBe(202);
    if (!deletion.body) throw new Error('the delete named no operation');
    expect((await customer.untilEnded(create.body.operation.id)).status).toBe('Canceled');
    expect((await customer.untilEnded(deletion.body.operation.id)).status).toBe('Succeeded');
    expect(await resources()).toEqual(before);
  });

  it('refuses an update while the create runs, naming the operation in its way', async () => {
    const body = {
      installationId: customer.identity.installationId,
      name: newName('busy'),
      servers: 1,
      networkCidr: '10.42.0.0/24',
      email: 'platform-team@example.com',
    };
    const create = await customer.api.call('createCluster', { body });
    const update = customer.api.call('updateCluster', { params: { id: create.body.cluster.id }, body: { tags: { team: 'a' } } });
    const refusal = await update.then(
      () => undefined,
      (error: unknown) => error as ApiError,
    );
    expect(refusal).toMatchObject({ status: 409, code: 'OperationInProgress' });
    expect(refusal?.message).toContain(create.body.operation.id);
    await customer.untilEnded(create.body.operation.id);
    await customer.deleteCluster(create.body.cluster.id);
  });
});
