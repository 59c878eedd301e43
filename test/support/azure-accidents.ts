import { NetworkManagementClient } from '@azure/arm-network';
import { ClientSecretCredential } from '@azure/identity';
import { clusterNames } from '@managed-consul/azure';
import { minutes } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { azureUrl, type LocalWorld } from '../../infra/local/components';
import { alterSecurityRules, readSecurityRules } from './security-rules';
import type { WorkflowWorld } from './workflow-world';

/** What happens to a cluster's resources behind the service's back, done by the customer with Azure's own clients. */
export function azureAccidents({ world, database, dependencies }: Pick<WorkflowWorld, 'world' | 'database' | 'dependencies'>) {
  const network = networkClient(world);
  const placeOf = async (clusterId: string) => {
    const where = { id: clusterId };
    const { installation } = await database.prisma.cluster.findUniqueOrThrow({ where, include: { installation: true } });
    return { group: installation.resourceGroup, subscriptionId: installation.subscriptionId, names: clusterNames(clusterId) };
  };
  const securityGroupOf = async (clusterId: string) => {
    const { group, names } = await placeOf(clusterId);
    return { network, group, name: names.securityGroup };
  };
  return {
    /** See `alterSecurityRules`. */
    alterSecurityRules: async (clusterId: string): Promise<void> => alterSecurityRules(await securityGroupOf(clusterId)),
    /** The rules as Azure has them, by name, each with what it says. */
    securityRules: async (clusterId: string): Promise<Record<string, string>> =>
      readSecurityRules(await securityGroupOf(clusterId)),
    /** Adds a machine to the scale set that nobody asked for; ends when Azure lists it. */
    addMachine: async (clusterId: string): Promise<void> => {
      const { group, names, subscriptionId } = await placeOf(clusterId);
      const { scaleSets } = dependencies.azure.inSubscription(subscriptionId);
      const before = (await scaleSets.listInstances(group, names.scaleSet)).length;
      const vmSize = (await scaleSets.find(group, names.scaleSet))?.vmSize ?? '';
      await scaleSets.startChange(group, names.scaleSet, { vmSize, capacity: before + 1 });
      const isListed = async () =>
        (await scaleSets.listInstances(group, names.scaleSet)).filter(({ vmId }) => vmId).length > before;
      await until(isListed, { within: minutes(1), because: 'Azure lists the new machine' });
    },
    /** The machines as Azure has them, by vmId. */
    machines: async (clusterId: string): Promise<string[]> => {
      const { group, names, subscriptionId } = await placeOf(clusterId);
      const { scaleSets } = dependencies.azure.inSubscription(subscriptionId);
      return (await scaleSets.listInstances(group, names.scaleSet)).map(({ vmId }) => vmId).sort();
    },
    /** Deletes the machine of a server, disks and all, and waits until Azure does not list it any more. */
    deleteMachine: async (clusterId: string, server: { instanceId: string }): Promise<void> => {
      const { group, names, subscriptionId } = await placeOf(clusterId);
      const { scaleSets } = dependencies.azure.inSubscription(subscriptionId);
      await scaleSets.startRemovingInstance(group, names.scaleSet, server.instanceId);
    },
  };
}

function networkClient(world: LocalWorld): NetworkManagementClient {
  const { tenantId, clientId, clientSecret, subscriptionId } = world.identities.customer;
  const endpoint = azureUrl(world);
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: endpoint,
    disableInstanceDiscovery: true,
  });
  return new NetworkManagementClient(credential, subscriptionId, { endpoint, credentials: { scopes: [`${endpoint}/.default`] } });
}
