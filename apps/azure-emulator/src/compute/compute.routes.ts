/** Addresses of the compute service that are no resource, and the emulator's own for machines. */
import { ArmError } from '../arm/arm-error';
import type { Route, ServerRequest, ServerResponse } from '../server/route';
import type { Machine, MachineHost } from '../machine';
import type { Quota } from './quota';
import { regionsWithZones, VM_SIZES, zonesOf, type VmSize } from './vm-sizes';

const READ = { kind: 'arm', permission: undefined } as const;
const OPEN = { kind: 'anonymous' } as const;

const text = (request: ServerRequest, name: string): string => request.parameters[name] ?? '';

function skuRow(size: VmSize, location: string): object {
  const zones = zonesOf(location);
  const capability = (name: string, value: string | number) => ({ name, value: String(value) });
  return {
    resourceType: 'virtualMachines',
    name: size.name,
    tier: 'Standard',
    size: size.name.replace('Standard_', ''),
    family: size.family,
    locations: [location],
    locationInfo: [{ location, zones, zoneDetails: [] }],
    capabilities: [
      capability('vCPUs', size.vcpus),
      capability('vCPUsAvailable', size.vcpus),
      capability('MemoryGB', size.memoryGib),
      capability('MaxDataDiskCount', size.maxDataDisks),
      capability('PremiumIO', 'True'),
      capability('CpuArchitectureType', 'x64'),
      capability('HyperVGenerations', 'V1,V2'),
    ],
    restrictions: [],
  };
}

/** `$filter=location eq 'westeurope'`, the only filter that Azure has here. Without one: all regions with zones. */
function listSkus(request: ServerRequest): ServerResponse {
  const filter = request.query.get('$filter');
  const location = /^\s*location\s+eq\s+'([^']+)'\s*$/i.exec(filter ?? '')?.[1]?.toLowerCase();
  if (filter !== null && location === undefined) {
    throw new ArmError(400, 'InvalidParameter', `The filter '${filter}' is not supported; only location eq '<region>' is.`, {
      target: '$filter',
    });
  }
  const locations = location === undefined ? regionsWithZones() : [location];
  return { status: 200, body: { value: locations.flatMap((region) => VM_SIZES.map((size) => skuRow(size, region))) } };
}

const listSizes = (): ServerResponse => ({
  status: 200,
  body: {
    value: VM_SIZES.map(({ name, vcpus, memoryGib, maxDataDisks }) => ({
      name,
      numberOfCores: vcpus,
      memoryInMB: memoryGib * 1024,
      maxDataDiskCount: maxDataDisks,
      osDiskSizeInMB: 1_047_552,
      resourceDiskSizeInMB: 0,
    })),
  },
});

const showMachine = (machine: Machine): object => {
  const { vmId, address, metadataPort, power, provisioning, services, description } = machine.record;
  return {
    vmId,
    name: description.name,
    resourceId: description.resourceId,
    address,
    metadataPort,
    power,
    provisioning,
    services,
    pids: machine.processes(),
  };
};

function setQuota(request: ServerRequest, quota: Quota): ServerResponse {
  const { subscriptionId, location, cores } = request.json();
  if (typeof subscriptionId !== 'string' || typeof location !== 'string' || typeof cores !== 'number') {
    throw new ArmError(
      400,
      'InvalidRequestContent',
      'The body must be {"subscriptionId": string, "location": string, "cores": number}.',
    );
  }
  quota.setCores(subscriptionId, location, cores);
  return { status: 204 };
}

/** Sizes and usages as Azure has them; under `/_emulator` the machines as they are, their consoles, their shutdown, and quotas. */
export function computeRoutes(quota: Quota, host: MachineHost): Route[] {
  const subscription = '/subscriptions/{subscriptionId}/providers/Microsoft.Compute';
  return [
    { method: 'GET', pattern: `${subscription}/skus`, access: READ, handle: listSkus },
    { method: 'GET', pattern: `${subscription}/locations/{location}/vmSizes`, access: READ, handle: listSizes },
    {
      method: 'GET',
      pattern: `${subscription}/locations/{location}/usages`,
      access: READ,
      handle: (request) => ({
        status: 200,
        body: { value: quota.usages(text(request, 'subscriptionId'), text(request, 'location')) },
      }),
    },
    { method: 'PUT', pattern: '/_emulator/quota', access: OPEN, handle: (request) => setQuota(request, quota) },
    {
      method: 'GET',
      pattern: '/_emulator/machines',
      access: OPEN,
      handle: () => ({ status: 200, body: { value: host.list().map(showMachine) } }),
    },
    {
      method: 'GET',
      pattern: '/_emulator/machines/{vmId}/console',
      access: OPEN,
      handle: (request) => {
        const machine = host.find(text(request, 'vmId'));
        if (!machine) throw new ArmError(404, 'NotFound', `There is no machine '${text(request, 'vmId')}'.`);
        return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: machine.readConsole() };
      },
    },
    {
      method: 'POST',
      pattern: '/_emulator/machines/shutdown',
      access: OPEN,
      handle: async () => {
        await host.shutDown();
        return { status: 200, body: { machines: host.list().length } };
      },
    },
  ];
}
