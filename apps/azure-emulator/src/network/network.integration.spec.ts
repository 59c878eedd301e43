import { NetworkManagementClient, type LoadBalancer, type SecurityRule } from '@azure/arm-network';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { networkProvider } from './network.provider';

const GROUP = 'sample';
const location = 'westeurope';

describe('Microsoft.Network through @azure/arm-network', () => {
  let emulator: TestEmulator;
  let client: NetworkManagementClient;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [networkProvider] });
    const credential = emulator.credential(sample.owner, sample.tenantId);
    client = new NetworkManagementClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint });
  });

  afterAll(() => emulator.dispose());

  const idOf = (type: string, name: string) =>
    `/subscriptions/${sample.subscriptionId}/resourceGroups/${GROUP}/providers/Microsoft.Network/${type}/${name}`;

  const makeAddress = (name: string) =>
    client.publicIPAddresses.createOrUpdate(GROUP, name, {
      location,
      sku: { name: 'Standard' },
      publicIPAllocationMethod: 'Static',
    });

  const makeNetwork = (name: string, subnets: { name: string; addressPrefix: string }[], addressPrefixes = ['10.0.0.0/16']) =>
    client.virtualNetworks.createOrUpdate(GROUP, name, { location, addressSpace: { addressPrefixes }, subnets });

  const balancer = (name: string, frontend: object): LoadBalancer => ({
    location,
    sku: { name: 'Standard' },
    frontendIPConfigurations: [{ name: 'front', ...frontend }],
    backendAddressPools: [{ name: 'servers' }],
    probes: [{ name: 'https', protocol: 'Tcp', port: 8501, intervalInSeconds: 5, numberOfProbes: 2 }],
    loadBalancingRules: [
      {
        name: 'https',
        protocol: 'Tcp',
        frontendPort: 8501,
        backendPort: 8501,
        frontendIPConfiguration: { id: `${idOf('loadBalancers', name)}/frontendIPConfigurations/front` },
        backendAddressPool: { id: `${idOf('loadBalancers', name)}/backendAddressPools/servers` },
        probe: { id: `${idOf('loadBalancers', name)}/probes/https` },
      },
    ],
  });

  const rule = (more: Partial<SecurityRule>): SecurityRule => ({
    name: 'rule',
    priority: 100,
    direction: 'Inbound',
    access: 'Allow',
    protocol: 'Tcp',
    sourceAddressPrefix: 'VirtualNetwork',
    sourcePortRange: '*',
    destinationAddressPrefix: '*',
    destinationPortRange: '8501',
    ...more,
  });

  const makeGroup = (name: string, securityRules: SecurityRule[]) =>
    client.networkSecurityGroups.createOrUpdate(GROUP, name, { location, securityRules });

  it('makes a network whose subnet shows its range, its security group and its way out', async () => {
    await makeGroup('nsg-one', [rule({})]);
    await makeAddress('ip-one');
    await client.natGateways.createOrUpdate(GROUP, 'nat-one', {
      location,
      sku: { name: 'Standard' },
      publicIpAddresses: [{ id: idOf('publicIPAddresses', 'ip-one') }],
    });
    const subnet = {
      name: 'consul',
      addressPrefix: '10.1.0.0/24',
      networkSecurityGroup: { id: idOf('networkSecurityGroups', 'nsg-one') },
      natGateway: { id: idOf('natGateways', 'nat-one') },
    };
    const network = await makeNetwork('vnet-one', [subnet], ['10.1.0.0/24']);
    expect(network).toMatchObject({
      provisioningState: 'Succeeded',
      etag: expect.stringMatching(/^W\/"/),
      resourceGuid: expect.any(String),
    });
    const read = await client.subnets.get(GROUP, 'vnet-one', 'consul');
    expect(read).toMatchObject({
      id: `${idOf('virtualNetworks', 'vnet-one')}/subnets/consul`,
      addressPrefix: '10.1.0.0/24',
      provisioningState: 'Succeeded',
    });
    expect((await client.networkSecurityGroups.get(GROUP, 'nsg-one')).subnets).toEqual([
      expect.objectContaining({ id: read.id }),
    ]);
    expect((await client.natGateways.get(GROUP, 'nat-one')).subnets).toEqual([expect.objectContaining({ id: read.id })]);
    expect((await client.publicIPAddresses.get(GROUP, 'ip-one')).natGateway?.id).toBe(idOf('natGateways', 'nat-one'));
  });

  it('gives each public address a number of its own from the ranges for documentation, the same after a second PUT', async () => {
    const made = await Promise.all(['ip-a', 'ip-b', 'ip-c'].map(makeAddress));
    const addresses = made.map(({ ipAddress }) => ipAddress);
    expect(new Set(addresses).size).toBe(3);
    for (const address of addresses) expect(address).toMatch(/^(203\.0\.113|198\.51\.100|192\.0\.2)\.\d+$/);
    expect((await makeAddress('ip-a')).ipAddress).toBe(addresses[0]);
  });

  it('gives an internal load balancer a private address of its subnet, and keeps it', async () => {
    await makeNetwork('vnet-lb', [{ name: 'consul', addressPrefix: '10.0.1.0/24' }]);
    const subnet = { id: `${idOf('virtualNetworks', 'vnet-lb')}/subnets/consul` };
    const first = await client.loadBalancers.createOrUpdate(GROUP, 'lb-one', balancer('lb-one', { subnet }));
    const second = await client.loadBalancers.createOrUpdate(GROUP, 'lb-two', balancer('lb-two', { subnet }));
    const again = await client.loadBalancers.createOrUpdate(GROUP, 'lb-one', balancer('lb-one', { subnet }));
    expect(first.frontendIPConfigurations?.[0]?.privateIPAddress).toBe('10.0.1.4');
    expect(second.frontendIPConfigurations?.[0]?.privateIPAddress).toBe('10.0.1.5');
    expect(again.frontendIPConfigurations?.[0]?.privateIPAddress).toBe('10.0.1.4');
    expect(again.backendAddressPools?.[0]).toMatchObject({
      name: 'servers',
      provisioningState: 'Succeeded',
      loadBalancingRules: [{}],
    });
    expect((await client.loadBalancerBackendAddressPools.get(GROUP, 'lb-one', 'servers')).name).toBe('servers');
  });

  it('shows each part of a load balancer as a resource of its own', async () => {
    await makeNetwork('vnet-parts', [{ name: 'consul', addressPrefix: '10.0.2.0/24' }]);
    const subnet = { id: `${idOf('virtualNetworks', 'vnet-parts')}/subnets/consul` };
    const made = await client.loadBalancers.createOrUpdate(GROUP, 'lb-parts', balancer('lb-parts', { subnet }));
    const read = {
      frontendIPConfigurations: client.loadBalancerFrontendIPConfigurations.list(GROUP, 'lb-parts'),
      backendAddressPools: client.loadBalancerBackendAddressPools.list(GROUP, 'lb-parts'),
      probes: client.loadBalancerProbes.list(GROUP, 'lb-parts'),
      loadBalancingRules: client.loadBalancerLoadBalancingRules.list(GROUP, 'lb-parts'),
      outboundRules: client.loadBalancerOutboundRules.list(GROUP, 'lb-parts'),
      inboundNatRules: client.inboundNatRules.list(GROUP, 'lb-parts'),
    };
    for (const [part, listed] of Object.entries(read)) {
      const names: (string | undefined)[] = [];
      for await (const { name } of listed) names.push(name);
      const own = made[part as keyof typeof read] ?? [];
      expect({ part, names }).toEqual({ part, names: own.map(({ name }) => name) });
    }
    expect(made.probes?.length).toBeGreaterThan(0);
    expect(made.loadBalancingRules?.length).toBeGreaterThan(0);
  });

  it('lists default rules beside its own, and lets single rules come and go', async () => {
    await makeGroup('nsg-rules', [rule({ name: 'first' })]);
    await client.securityRules.createOrUpdate(GROUP, 'nsg-rules', 'second', rule({ name: 'second', priority: 110 }));
    const group = await client.networkSecurityGroups.get(GROUP, 'nsg-rules');
    expect(group.securityRules?.map(({ name }) => name)).toEqual(['first', 'second']);
    expect(group.defaultSecurityRules).toHaveLength(6);
    await client.securityRules.delete(GROUP, 'nsg-rules', 'first');
    expect((await client.networkSecurityGroups.get(GROUP, 'nsg-rules')).securityRules?.map(({ name }) => name)).toEqual([
      'second',
    ]);
  });

  it.each<[string, SecurityRule[], string]>([
    ['a priority outside 100 to 4096', [rule({ priority: 99 })], 'SecurityRuleInvalidPriority'],
    ['two rules of one priority', [rule({ name: 'a' }), rule({ name: 'b' })], 'SecurityRuleConflict'],
    ['a port above 65535', [rule({ destinationPortRange: '70000' })], 'SecurityRuleInvalidPortRange'],
    ['a prefix that is no address', [rule({ sourceAddressPrefix: '10.0.0.300/8' })], 'SecurityRuleInvalidAddressPrefix'],
    ['a rule without destination', [rule({ destinationAddressPrefix: undefined })], 'SecurityRuleParameterNotSpecified'],
    ['an unknown protocol', [rule({ protocol: 'Quic' })], 'InvalidRequestFormat'],
  ])('refuses a security group with %s', async (_, rules, code) => {
    await expect(makeGroup('nsg-bad', rules)).rejects.toMatchObject({ statusCode: 400, code });
  });

  it.each<[string, { name: string; addressPrefix: string }[], string[], string]>([
    ['an address space with host bits', [], ['10.0.0.1/16'], 'InvalidCIDRNotation'],
    ['text for an address space', [], ['ten'], 'InvalidAddressPrefixFormat'],
    ['overlapping address spaces', [], ['10.0.0.0/16', '10.0.1.0/24'], 'OverlappingAddressPrefixes'],
    ['a subnet outside', [{ name: 's', addressPrefix: '10.1.0.0/24' }], ['10.0.0.0/16'], 'NetcfgInvalidSubnet'],
    ['a subnet too small', [{ name: 's', addressPrefix: '10.0.0.0/30' }], ['10.0.0.0/16'], 'NetcfgInvalidSubnet'],
    [
      'overlapping subnets',
      [
        { name: 's', addressPrefix: '10.0.0.0/24' },
        { name: 't', addressPrefix: '10.0.0.128/25' },
      ],
      ['10.0.0.0/16'],
      'NetcfgSubnetRangesOverlap',
    ],
  ])('refuses a network with %s', async (_, subnets, space, code) => {
    await expect(makeNetwork('vnet-bad', subnets, space)).rejects.toMatchObject({ statusCode: 400, code });
  });

  it('refuses references to what is not there, to another type, and to what another holds', async () => {
    const publicIPAddress = { id: idOf('publicIPAddresses', 'nowhere') };
    await expect(
      client.loadBalancers.createOrUpdate(GROUP, 'lb-bad', balancer('lb-bad', { publicIPAddress })),
    ).rejects.toMatchObject({
      statusCode: 400,
      code: 'InvalidResourceReference',
    });
    await makeAddress('ip-held');
    const held = { id: idOf('publicIPAddresses', 'ip-held') };
    await client.loadBalancers.createOrUpdate(GROUP, 'lb-holder', balancer('lb-holder', { publicIPAddress: held }));
    await expect(
      client.loadBalancers.createOrUpdate(GROUP, 'lb-late', balancer('lb-late', { publicIPAddress: held })),
    ).rejects.toMatchObject({
      code: 'PublicIPAddressInUse',
    });
    await expect(
      client.loadBalancers.createOrUpdate(GROUP, 'lb-odd', balancer('lb-odd', { subnet: held })),
    ).rejects.toMatchObject({
      code: 'InvalidResourceReference',
    });
    await expect(
      client.loadBalancers.createOrUpdate(GROUP, 'lb-own', balancer('lb-other', { publicIPAddress: held })),
    ).rejects.toMatchObject({
      code: 'InvalidResourceReference',
    });
  });

  it('keeps what is in use from being deleted, and lets it go afterwards', async () => {
    await makeGroup('nsg-used', []);
    const networkSecurityGroup = { id: idOf('networkSecurityGroups', 'nsg-used') };
    const subnet = { name: 'consul', addressPrefix: '10.0.1.0/24', networkSecurityGroup };
    await makeNetwork('vnet-used', [subnet]);
    await makeAddress('ip-used');
    await client.loadBalancers.createOrUpdate(
      GROUP,
      'lb-in',
      balancer('lb-in', { subnet: { id: `${idOf('virtualNetworks', 'vnet-used')}/subnets/consul` } }),
    );
    await client.loadBalancers.createOrUpdate(
      GROUP,
      'lb-out',
      balancer('lb-out', { publicIPAddress: { id: idOf('publicIPAddresses', 'ip-used') } }),
    );

    await expect(client.networkSecurityGroups.delete(GROUP, 'nsg-used')).rejects.toMatchObject({
      code: 'InUseNetworkSecurityGroupCannotBeDeleted',
    });
    await expect(client.virtualNetworks.delete(GROUP, 'vnet-used')).rejects.toMatchObject({ code: 'InUseSubnetCannotBeDeleted' });
    await expect(client.subnets.delete(GROUP, 'vnet-used', 'consul')).rejects.toMatchObject({
      code: 'InUseSubnetCannotBeDeleted',
    });
    await expect(makeNetwork('vnet-used', [])).rejects.toMatchObject({ code: 'InUseSubnetCannotBeDeleted' });
    await expect(makeNetwork('vnet-used', [{ ...subnet, addressPrefix: '10.0.2.0/24' }])).rejects.toMatchObject({
      code: 'InUsePrefixCannotBeDeleted',
    });
    await expect(client.publicIPAddresses.delete(GROUP, 'ip-used')).rejects.toMatchObject({
      code: 'PublicIPAddressCannotBeDeleted',
    });

    await client.loadBalancers.delete(GROUP, 'lb-in');
    await client.loadBalancers.delete(GROUP, 'lb-out');
    await client.publicIPAddresses.delete(GROUP, 'ip-used');
    await client.virtualNetworks.delete(GROUP, 'vnet-used');
    await client.networkSecurityGroups.delete(GROUP, 'nsg-used');
    await expect(client.networkSecurityGroups.get(GROUP, 'nsg-used')).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceNotFound',
    });
  });
});
