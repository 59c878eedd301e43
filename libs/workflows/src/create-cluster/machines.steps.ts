import { clusterNames, HTTPS_PORT } from '@managed-consul/azure';
import { TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { AGENT_LOOK, azureLook } from '../shared-steps/delays';
import { serverName } from '../shared-steps/machines';
import { placeOf } from '../shared-steps/place';
import { startDeployment } from './infrastructure.steps';

/** Done when every machine has an address; records them as the cluster's servers. */
export async function everyServerHasAnAddress({ cluster, azure, clock, outputOf }: Step) {
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const instances = await subscription.scaleSets.listInstances(resourceGroup, clusterNames(cluster.id).scaleSet);
  const addressed = instances.flatMap((instance) =>
    instance.address && instance.vmId ? [{ ...instance, address: instance.address }] : [],
  );
  if (addressed.length < cluster.servers) {
    const sentence = `Azure is giving the servers their addresses (${addressed.length} of ${cluster.servers})`;
    return waitFor(sentence, azureLook(outputOf(startDeployment).startedAt, clock.now()));
  }
  return done(undefined, async (tx) => {
    await tx.server.deleteMany({ where: { clusterId: cluster.id, vmId: { notIn: addressed.map(({ vmId }) => vmId) } } });
    for (const instance of addressed) {
      const { azureName, instanceId, vmId, address, vmSize = null } = instance;
      const facts = { name: serverName(cluster, instance), azureName, instanceId, address, vmSize };
      const where = { clusterId_vmId: { clusterId: cluster.id, vmId } };
      await tx.server.upsert({ where, create: { clusterId: cluster.id, vmId, ...facts }, update: facts });
    }
  });
}

/** The addresses of the load balancers become the cluster's endpoints; certificates name them. */
export async function recordEndpoints({ cluster, azure }: Step) {
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const names = clusterNames(cluster.id);
  const wantsPublic = cluster.endpointVisibility === 'Public';
  const [privateAddress, publicAddress] = await Promise.all([
    subscription.loadBalancers.findPrivateAddress(resourceGroup, names.loadBalancer),
    wantsPublic ? subscription.loadBalancers.findPublicAddress(resourceGroup, names.publicAddress) : undefined,
  ]);
  if (!privateAddress || (wantsPublic && !publicAddress)) throw new TransientError('A load balancer has no address yet.');
  const urlOf = (address: string) => `https://${address}:${HTTPS_PORT}`;
  const endpoints = { privateEndpointUrl: urlOf(privateAddress), publicEndpointUrl: publicAddress ? urlOf(publicAddress) : null };
  return done(undefined, async (tx) => {
    await tx.cluster.update({ where: { id: cluster.id }, data: endpoints });
  });
}

/** Done when every machine's agent has proved itself and dialled in. */
export async function everyAgentIsConnected({ cluster, agents, clock }: Step) {
  const connected = await Promise.all(cluster.serverRecords.map(({ vmId }) => agents.isConnected(cluster.id, vmId)));
  const count = connected.filter(Boolean).length;
  if (count < cluster.servers)
    return waitFor(`The servers are starting (${count} of ${cluster.servers} have reported)`, AGENT_LOOK);
  const agentSeenAt = clock.now();
  return done(undefined, async (tx) => {
    await tx.server.updateMany({ where: { clusterId: cluster.id }, data: { agentSeenAt } });
  });
}
