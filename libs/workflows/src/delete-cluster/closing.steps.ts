import { clusterNames } from '@managed-consul/azure';
import { secretOwnerOf } from '@managed-consul/clusters';
import { snapshotSecretsOwner } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { placeOf } from '../shared-steps/place';
import { unlessVanished } from '../shared-steps/vanished-application';
import { confirmPlaceMayBeTouched } from './confirm-place.steps';
import { keepsStorage } from './snapshots.steps';

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

/**
 * With its data key gone, nothing sealed for the cluster can be opened again, not even from a copy of the database. The keys of
 * its snapshots stay with the snapshots that are kept.
 */
export async function destroySecrets(step: Step) {
  const { cluster, secrets } = step;
  const kept = await keepsStorage(step);
  return done({ kept }, async (tx) => {
    await secrets.destroyOwner(secretOwnerOf(cluster.id), tx);
    if (!kept) await secrets.destroyOwner(snapshotSecretsOwner(cluster.id), tx);
  });
}

/** The cluster's row stays as history; what only a living cluster has goes, and so do snapshots that hold nothing. */
export async function closeRecords({ cluster, clock, outputOf }: Step) {
  const deletedAt = clock.now();
  const { kept } = outputOf(destroySecrets);
  return done(undefined, async (tx) => {
    await tx.server.deleteMany({ where: { clusterId: cluster.id } });
    await tx.federationMember.deleteMany({ where: { clusterId: cluster.id } });
    await tx.agentEnrolment.deleteMany({ where: { clusterId: cluster.id } });
    await tx.certificate.deleteMany({ where: { owner: secretOwnerOf(cluster.id) } });
    const stillAlive = { clusterId: cluster.id, revokedAt: null };
    await tx.rootToken.updateMany({ where: stillAlive, data: { state: 'Revoked', revokedAt: deletedAt } });
    const lost = { clusterId: cluster.id, deletedAt: null, ...(kept ? { state: { not: 'VERIFIED' as const } } : {}) };
    await tx.snapshot.updateMany({ where: lost, data: { deletedAt } });
    const nothing = { privateEndpointUrl: null, publicEndpointUrl: null, identityResourceId: null, storageAccountName: null };
    await tx.cluster.update({ where: { id: cluster.id }, data: nothing });
  });
}
