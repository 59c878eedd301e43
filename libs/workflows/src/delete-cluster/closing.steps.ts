import { clusterNames, type ResourceGroupFacts } from '@managed-consul/azure';
import { moveProvisioningState, secretOwnerOf } from '@managed-consul/clusters';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { groupIsManagedBy, notOurs, placeOf } from '../shared-steps/place';
import { unlessVanished } from '../shared-steps/vanished-application';

/** The group, or undefined when it is gone: by Azure's word, or because it went with its managed application. */
function findGroup(step: Step): Promise<ResourceGroupFacts | undefined> {
  const { subscription, resourceGroup } = placeOf(step);
  return unlessVanished(step, () => subscription.resourceGroups.find(resourceGroup), undefined);
}

/** Nothing is removed before Azure has said that the group is this installation's. A group that is gone needs no removing. */
export async function confirmPlaceMayBeTouched(step: Step) {
  const { cluster } = step;
  const group = await findGroup(step);
  if (group && !groupIsManagedBy(cluster.installation, group)) throw notOurs(cluster.installation);
  return done({ groupExists: group !== undefined }, async (tx) => {
    await moveProvisioningState(tx, cluster.id, 'Deleting');
  });
}

/** A deployment that went on would make again what is being removed. */
export async function stopDeployment(step: Step) {
  const { subscription, resourceGroup } = placeOf(step);
  const { deployment } = clusterNames(step.cluster.id);
  if (step.outputOf(confirmPlaceMayBeTouched).groupExists)
    await unlessVanished(step, () => subscription.deployments.cancel(resourceGroup, deployment, step.signal), undefined);
  return done({ askedAt: step.clock.now().toISOString() });
}

export async function deploymentHasStopped(step: Step) {
  const { subscription, resourceGroup } = placeOf(step);
  const { deployment } = clusterNames(step.cluster.id);
  if (!step.outputOf(confirmPlaceMayBeTouched).groupExists) return done();
  const facts = await unlessVanished(step, () => subscription.deployments.find(resourceGroup, deployment), undefined);
  if (facts?.state !== 'running') return done();
  return waitFor('Azure is stopping what it was making', azureLook(step.outputOf(stopDeployment).askedAt, step.clock.now()));
}

/** Azure keeps only so many deployments a group. */
export async function forgetDeployment(step: Step) {
  const { subscription, resourceGroup } = placeOf(step);
  const { deployment } = clusterNames(step.cluster.id);
  if (step.outputOf(confirmPlaceMayBeTouched).groupExists)
    await unlessVanished(step, () => subscription.deployments.remove(resourceGroup, deployment, step.signal), undefined);
  return done();
}

/** With its data key gone, nothing sealed for the cluster can be opened again, not even from a copy of the database. */
export async function destroySecrets({ cluster, secrets }: Step) {
  return done(undefined, (tx) => secrets.destroyOwner(secretOwnerOf(cluster.id), tx));
}

/** The cluster's row stays as history; what only a living cluster has goes. */
export async function closeRecords({ cluster, clock }: Step) {
  const deletedAt = clock.now();
  return done(undefined, async (tx) => {
    await tx.server.deleteMany({ where: { clusterId: cluster.id } });
    await tx.agentEnrolment.deleteMany({ where: { clusterId: cluster.id } });
    await tx.certificate.deleteMany({ where: { owner: secretOwnerOf(cluster.id) } });
    const stillAlive = { clusterId: cluster.id, revokedAt: null };
    await tx.rootToken.updateMany({ where: stillAlive, data: { state: 'Revoked', revokedAt: deletedAt } });
    const nothing = { privateEndpointUrl: null, publicEndpointUrl: null, identityResourceId: null, storageAccountName: null };
    await tx.cluster.update({ where: { id: cluster.id }, data: nothing });
  });
}
