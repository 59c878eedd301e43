import {
  CLUSTER_TAG,
  clusterNames,
  clusterTemplate,
  findDrift,
  isCompared,
  RESOURCE_TYPES,
  resourceId,
  type TemplateResource,
} from '@managed-consul/azure';
import type { Finding } from '@managed-consul/clusters';
import { z } from 'zod';
import type { Services } from '../services';
import { describeCluster } from '../shared-steps/cluster-description';
import { placeOf } from '../shared-steps/place';

type LookingAtAzure = Pick<Services, 'azure' | 'cluster' | 'database'>;

/** What the customer reads in place of Azure's words for a type. */
const KIND: Readonly<Record<string, string>> = {
  [RESOURCE_TYPES.identity]: 'identity of the servers',
  [RESOURCE_TYPES.securityGroup]: 'network security group',
  [RESOURCE_TYPES.virtualNetwork]: 'virtual network',
  [RESOURCE_TYPES.publicAddress]: 'public address',
  [RESOURCE_TYPES.natGateway]: 'NAT gateway',
  [RESOURCE_TYPES.loadBalancer]: 'load balancer',
  [RESOURCE_TYPES.scaleSet]: 'scale set of the servers',
  [RESOURCE_TYPES.storageAccount]: 'storage account of the snapshots',
};

/** The part of the cluster's template in which drift is looked for. The key of the machines plays no role in it. */
export async function comparedResources(looking: LookingAtAzure): Promise<TemplateResource[]> {
  return clusterTemplate(await describeCluster(looking, '')).resources.filter(isCompared);
}

/** What Azure has, or should have, of a cluster. No tags and no settings: customers may write anything into them. */
export interface SeenResource {
  name: string;
  type: string;
  /** Azure's word; null where it is missing or none was said. */
  state: string | null;
  drift: 'None' | 'Missing' | 'Altered' | 'Unexpected';
  /** Of an altered one: the path of the first difference. */
  difference: string | null;
}

interface Seen {
  found: Finding[];
  resources: SeenResource[];
}

const stateOf = (resource: unknown): string | null =>
  z.object({ properties: z.object({ provisioningState: z.string() }) }).safeParse(resource).data?.properties.provisioningState ??
  null;

async function lookAtResource({ azure, cluster }: LookingAtAzure, wanted: TemplateResource): Promise<Seen> {
  const { name, type } = wanted;
  const { subscription, ...place } = placeOf({ azure, cluster });
  const actual = await subscription.resources.read(resourceId(place, wanted.type, wanted.name), wanted.type);
  const what = `The ${KIND[wanted.type] ?? wanted.type} ${wanted.name}`;
  // Without it there are no machines, and no deployment brings back what was on their disks.
  const reason = wanted.type === RESOURCE_TYPES.scaleSet ? 'MachineGone' : 'ResourceMissing';
  if (!actual) {
    const found = [{ reason, about: name, message: `${what} is missing in Azure.` } as const];
    return { found, resources: [{ name, type, state: null, drift: 'Missing', difference: null }] };
  }
  const difference = findDrift(wanted, actual, place);
  const message = `${what} was altered in Azure (${difference}).`;
  const found = difference === undefined ? [] : [{ reason: 'ResourceAltered', about: name, message } as const];
  const drift = difference === undefined ? 'None' : 'Altered';
  return { found, resources: [{ name, type, state: stateOf(actual), drift, difference: difference ?? null }] };
}

/** Machines of servers that Azure does not have any more, and machines that belong to no server. */
async function lookAtMachines({ azure, cluster }: LookingAtAzure): Promise<Seen> {
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const machines = await subscription.scaleSets.listInstances(resourceGroup, clusterNames(cluster.id).scaleSet);
  const present = new Set(machines.map(({ vmId }) => vmId));
  const known = new Set(cluster.serverRecords.map(({ vmId }) => vmId));
  const gone = cluster.serverRecords
    .filter(({ vmId }) => !present.has(vmId))
    .map(({ name }) => ({ reason: 'MachineGone', about: name, message: `The machine of ${name} is gone in Azure.` }) as const);
  const strange = machines
    .filter(({ vmId }) => vmId !== '' && !known.has(vmId))
    .map(({ azureName }) => {
      const message = `The scale set has a machine ${azureName} that belongs to no server.`;
      return { reason: 'MachineUnknown', about: azureName, message } as const;
    });
  const type = `${RESOURCE_TYPES.scaleSet}/virtualMachines`;
  const missing = cluster.serverRecords.filter(({ vmId }) => !present.has(vmId));
  const resources = [
    ...machines.map(({ azureName: name, vmId, provisioningState }) => {
      const drift = vmId === '' || known.has(vmId) ? ('None' as const) : ('Unexpected' as const);
      return { name, type, state: provisioningState ?? null, drift, difference: null };
    }),
    ...missing.map(({ azureName: name }) => ({ name, type, state: null, drift: 'Missing' as const, difference: null })),
  ];
  return { found: [...gone, ...strange], resources };
}

/** What carries the cluster's tag and is in none of its templates: it came from elsewhere, and goes when the cluster does. */
async function findUnexpected(looking: LookingAtAzure, known: ReadonlySet<string>): Promise<SeenResource[]> {
  const { subscription, resourceGroup } = placeOf(looking);
  const tagged = await subscription.resources.listByTag(resourceGroup, CLUSTER_TAG, looking.cluster.id);
  return tagged
    .filter(({ name, type }) => !known.has(`${type}/${name}`.toLowerCase()))
    .map(({ name, type, provisioningState }) => ({
      ...{ name, type, state: provisioningState ?? null, drift: 'Unexpected' as const, difference: null },
    }));
}

async function seeExpected(looking: LookingAtAzure): Promise<Seen> {
  const wanted = await comparedResources(looking);
  const seen = await Promise.all([...wanted.map((resource) => lookAtResource(looking, resource)), lookAtMachines(looking)]);
  return { found: seen.flatMap(({ found }) => found), resources: seen.flatMap(({ resources }) => resources) };
}

/** The same look with everything that was seen, what nobody expected included. Throws what Azure throws. */
export async function takeAzureInventory(looking: LookingAtAzure): Promise<Seen> {
  const { found, resources } = await seeExpected(looking);
  const { resources: made } = clusterTemplate(await describeCluster(looking, ''));
  const known = new Set([...made, ...resources].map(({ name, type }) => `${type}/${name}`.toLowerCase()));
  return { found, resources: [...resources, ...(await findUnexpected(looking, known))] };
}

/** What differs in Azure from what the service has made. Throws what Azure throws: then nothing is known. */
export async function lookAtAzure(looking: LookingAtAzure): Promise<Finding[]> {
  return (await seeExpected(looking)).found;
}
