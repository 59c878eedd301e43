/**
 * A run of Terraform with the provider of the original service against the running service, request by request: a primary and a
 * secondary datacenter are created, read, backed up, upgraded, tagged and destroyed, all through Azure.
 */
import { randomBytes } from 'node:crypto';
import { HCS_PROVIDER_PATH } from '@managed-consul/api-contract';
import { minutes } from '@managed-consul/config';
import { openDatabase } from '@managed-consul/database';
import { until } from '@managed-consul/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { foldersOf } from '../../infra/local/folders';
import { signIn, type Customer } from '../support/customer';
import { offerRelabelledConsul } from '../support/relabelled-consul';
import { serviceStatus, type ServiceStatus } from '../support/service-status';
import { TerraformClient, type WireApplication } from '../support/terraform-client';

const RAW = 'raw.githubusercontent.com';
const META = '/hashicorp/cloud-hcs-meta/master';
const VERSIONS = '/consul/2021-02-04/versions?platform_type=HCS';
/** The first is a relabelled build of the second. */
const [OLD, NEW] = ['1.8.6', '1.8.7'];

const run = randomBytes(3).toString('hex');
/** Capitals, because the provider compares names as they are written. */
const PRIMARY = `Tf-${run}-East`;
const SECONDARY = `Tf-${run}-West`;

let status: ServiceStatus;
let customer: Customer;
let terraform: TerraformClient;
let group: string;
let primary: WireApplication;
let snapshotId: string;

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  group = customer.identity.resourceGroup;
  terraform = new TerraformClient(status, customer.identity);
  const database = openDatabase({ url: status.database.url, maxConnections: 1 });
  await offerRelabelledConsul({ database, artifacts: foldersOf(status.stateFolder).artifacts }, OLD);
  await database.close();
  await terraform.signIn('https://management.azure.com/');
});

const clusterNameOf = (application: string): string => application.toLowerCase();

/** What the provider orders: with names in lower case, as its own checks want those of clusters. */
async function create(application: string, version: string, more: Record<string, string>): Promise<WireApplication> {
  const plan = await terraform.read(RAW, `${META}/ama-plans/defaults.json`);
  const parameters = {
    clusterMode: 'DEVELOPMENT',
    clusterName: clusterNameOf(application),
    consulDataCenter: clusterNameOf(application),
    email: 'platform-team@example.com',
    externalEndpoint: 'disabled',
    initialConsulVersion: version,
    sourceChannel: 'terraform-provider-hcs',
    auditLoggingEnabled: 'disabled',
    auditLogStorageContainerURL: '',
    ...more,
  };
  const offer = { publisher: 'hashicorp-4665790', product: 'hcs-production', name: plan['name'], version: plan['version'] };
  return terraform.order(application, {
    kind: 'MarketPlace',
    location: 'westeurope',
    plan: offer,
    tags: { stage: 'first' },
    properties: {
      managedResourceGroupId: `${terraform.groupId}-mrg-${application}`,
      parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { value }])),
    },
  });
}

/** The state of a cluster that the provider reads after every change, with its network. */
async function read(application: string) {
  const found = await terraform.application(application);
  const { properties = {} } = await terraform.cluster(found, clusterNameOf(application));
  const network = `${(properties.vnetName ?? '').replace(/-vnet$/, '')}-vnet`;
  const path = `${found.managedResourceGroupId}/providers/Microsoft.Network/virtualNetworks/${network}?api-version=2020-05-01`;
  return { found, properties, network: (await terraform.demand('GET', path)).body };
}

/** Who the provider takes for the primary that it must not destroy. */
async function isPrimaryOfOthers(application: string): Promise<boolean> {
  const { primaryDatacenter, secondaryDatacenters = [] } = await terraform.act(
    'GetFederation',
    await terraform.application(application),
    group,
  );
  return primaryDatacenter?.name === application && primaryDatacenter.resourceGroup === group && secondaryDatacenters.length > 0;
}

describe('a Terraform run', () => {
  it('creates a cluster: ready as soon as the provider has asked for its root token', async () => {
    const versions = (await terraform.read('api.cloud.hashicorp.com', VERSIONS))['versions'] as { version: string }[];
    expect(versions.map(({ version }) => version.replace(/^v/, ''))).toEqual(expect.arrayContaining([OLD, NEW]));
    const { regions } = (await terraform.read(RAW, `${META}/regions/regions.json`)) as { regions: { short: string }[] };
    expect(regions.map(({ short }) => short)).toContain('westeurope');
    expect((await terraform.arm('GET', `${terraform.applicationId(PRIMARY)}?api-version=2019-07-01`)).status).toBe(404);

    primary = await create(PRIMARY, `v${OLD}`, { consulVnetCidr: '172.25.31.0/24' });
    expect(primary).toMatchObject({ name: PRIMARY, tags: { stage: 'first' } });
    const { masterToken } = await terraform.act('CreateToken', primary, primary.managedResourceGroupId);
    expect(masterToken?.secretId).toMatch(/^[\da-f-]{36}$/);
  });

  it('reads it, with its network and all that other resources are made of', async () => {
    const { properties, network } = await read(PRIMARY);
    expect(properties).toMatchObject({
      state: 'RUNNING',
      consulCurrentVersion: OLD,
      consulNumServers: '1',
      consulDatacenter: clusterNameOf(PRIMARY),
      consulVnetCidr: '172.25.31.0/24',
      managedAppId: primary.id,
      sourceChannel: 'terraform-provider-hcs',
    });
    expect(network['properties']).toMatchObject({ addressSpace: { addressPrefixes: ['172.25.31.0/24'] } });
  });

  it('keeps a snapshot as a resource: made, read and renamed', async () => {
    const made = await terraform.act('CreateSnapshot', primary, group, { name: 'first' });
    await terraform.finish(primary, made.operation);
    snapshotId = made.snapshotId ?? '';
    const { snapshot } = await terraform.act('GetSnapshot', primary, group, { snapshotId });
    expect([snapshot?.name, Number(snapshot?.size) > 0]).toEqual(['first', true]);
    const renamed = await terraform.act('RenameSnapshot', primary, group, { snapshotId, name: 'second' });
    expect(renamed.snapshot?.name).toBe('second');
  });

  it('upgrades it to a version that is offered', async () => {
    const managed = primary.managedResourceGroupId;
    const { versions = [] } = await terraform.act('ListConsulUpgradeVersions', primary, managed);
    expect(versions.map(({ version }) => version)).toContain(NEW);
    const { operation } = await terraform.act('UpdateCluster', primary, managed, { update: { consulVersion: NEW } });
    await terraform.finish(primary, operation);
    expect((await read(PRIMARY)).properties.consulCurrentVersion).toBe(NEW);
  });

  it('gives what the Helm data source is made of', async () => {
    const { clientConfig = '', caFile } = await terraform.act('GetConfig', primary, group);
    expect(caFile).toContain('BEGIN CERTIFICATE');
    expect(JSON.parse(clientConfig)).toMatchObject({
      datacenter: clusterNameOf(PRIMARY),
      encrypt: expect.stringMatching(/.{20}/) as string,
      retry_join: [expect.any(String)],
    });
    const kubernetes = `${terraform.groupId}/providers/Microsoft.ContainerService/managedClusters/workloads`;
    const { body } = await terraform.demand('GET', `${kubernetes}?api-version=2020-07-01`);
    expect(body['properties']).toMatchObject({ fqdn: expect.stringContaining('azmk8s.io') as string });
  });

  it('creates a secondary with the federation token, and would not make it anew for the token of another read', async () => {
    const { federationToken = '' } = await terraform.act('CreateFederationToken', primary, group);
    const secondary = await create(SECONDARY, NEW, { consulVnetCidr: '172.25.32.0/24', federationToken });
    const { masterToken } = await terraform.act('CreateToken', secondary, secondary.managedResourceGroupId);
    expect(masterToken?.secretId).toMatch(/^[\da-f-]{36}$/);
    const { properties } = await read(SECONDARY);
    expect(properties.state).toBe('RUNNING');
    const again = await terraform.act('CreateFederationToken', primary, group);
    const primaryIn = (token = ''): unknown =>
      (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>)['Primary'];
    expect(primaryIn(properties.federationToken)).toBeTypeOf('string');
    expect(primaryIn(properties.federationToken)).toEqual(primaryIn(again.federationToken));
  });

  it('changes tags, and the cluster runs on', async () => {
    const changed = await terraform.arm('PATCH', `${terraform.applicationId(PRIMARY)}?api-version=2019-07-01`, {
      tags: { stage: 'next' },
    });
    expect([200, 202]).toContain(changed.status);
    await until(async () => (await terraform.application(PRIMARY)).tags['stage'] === 'next', { within: minutes(1) });
    expect((await read(PRIMARY)).properties).toMatchObject({ state: 'RUNNING', consulCurrentVersion: NEW });
  });

  it('does not destroy a primary that still has a secondary: the provider sees it, and the service refuses', async () => {
    expect(await isPrimaryOfOthers(PRIMARY)).toBe(true);
    expect(await isPrimaryOfOthers(SECONDARY)).toBe(false);
    const place = HCS_PROVIDER_PATH.replace('{subscriptionId}', customer.identity.subscriptionId).replace(
      '{resourceGroup}',
      primary.managedResourceGroupId.split('/').pop() ?? '',
    );
    const refused = await fetch(`${status.api.url}${place}/consulClusters/${clusterNameOf(PRIMARY)}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${await customer.token()}` },
    });
    expect([refused.status, await refused.text()]).toEqual([409, expect.stringContaining(clusterNameOf(SECONDARY))]);
  });

  it('destroys the snapshot, the secondary and then the primary, and leaves nothing', async () => {
    const { operation } = await terraform.act('DeleteSnapshot', primary, group, { snapshotId });
    await terraform.finish(primary, operation);
    await terraform.destroy(SECONDARY);
    await until(async () => !(await isPrimaryOfOthers(PRIMARY)), { within: minutes(2), because: 'the secondary has left' });
    await terraform.destroy(PRIMARY);
    for (const name of [PRIMARY, SECONDARY]) {
      expect((await terraform.arm('GET', `${terraform.applicationId(name)}?api-version=2019-07-01`)).status).toBe(404);
      expect((await terraform.arm('GET', `${terraform.groupId}-mrg-${name}?api-version=2020-06-01`)).status).toBe(404);
    }
    await until(
      async () => {
        const { value } = (await customer.api.call('listClusters', {})).body;
        return value.every(({ name, provisioningState }) => !name.startsWith(`tf-${run}`) || provisioningState === 'Deleted');
      },
      { within: minutes(2), because: 'the clusters are gone' },
    );
  });
});
