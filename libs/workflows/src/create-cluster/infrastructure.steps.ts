import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import {
  clusterNames,
  clusterTags,
  clusterTemplate,
  RESOURCE_TYPES,
  resourceId,
  type AzureSubscription,
} from '@managed-consul/azure';
import { CERTIFICATE_PURPOSES, moveProvisioningState, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { createCertificateAuthority, recordCertificate } from '@managed-consul/secrets';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { describeCluster } from '../shared-steps/cluster-description';
import { azureLook } from '../shared-steps/delays';
import { machineCloudConfig } from '../shared-steps/machine-cloud-config';
import { groupIsManagedBy, notOurs, placeOf } from '../shared-steps/place';
import { programHashes } from '../shared-steps/server-desired-state';
import { AUTHORITY_LIFETIME } from '../shared-steps/server-secrets';
import { sshPublicKey } from './ssh-public-key';

/** Nothing is made before Azure has said that the place is ours and the catalogue has the program. */
export async function confirmClusterCanBeCreated(step: Step) {
  const { cluster, azure } = step;
  const { subscription, subscriptionId, resourceGroup } = placeOf({ azure, cluster });
  await programHashes(step, cluster.consulVersion);
  const group = await subscription.resourceGroups.find(resourceGroup);
  if (!group) {
    throw new TerminalError(
      'ResourceGroupNotFound',
      `The resource group ${resourceGroup} does not exist. Make it again, or install the service again.`,
    );
  }
  if (!groupIsManagedBy(cluster.installation, group)) throw notOurs(cluster.installation);
  const { identity, storageAccount } = clusterNames(cluster.id);
  const identityResourceId = resourceId({ subscriptionId, resourceGroup }, RESOURCE_TYPES.identity, identity).toLowerCase();
  return done(undefined, async (tx) => {
    // Known before any machine exists: agents are recognised by it.
    await tx.cluster.update({ where: { id: cluster.id }, data: { identityResourceId, storageAccountName: storageAccount } });
    await moveProvisioningState(tx, cluster.id, 'Creating');
  });
}

/** Everything secret is stored before anything uses it, so that a crash never leaves a cluster that nobody can open. */
export async function ensureClusterSecrets({ cluster, secrets, clock }: Step) {
  const owner = secretOwnerOf(cluster.id);
  const authority = await createCertificateAuthority({
    commonName: `${cluster.name} Consul CA`,
    now: clock.now(),
    lifetimeMs: AUTHORITY_LIFETIME,
    signsSuccessor: true,
  });
  await secrets.prepareOwner(owner);
  await secrets.putIfAbsent(owner, SECRET_PURPOSES.gossipKey, new SecretValue(randomBytes(32).toString('base64')));
  await secrets.putIfAbsent(owner, SECRET_PURPOSES.managementToken, new SecretValue(randomUUID()));
  return done({ sshPublicKey: sshPublicKey(generateKeyPairSync('ed25519').publicKey) }, async (tx) => {
    // Key and certificate belong together: both or neither, and never a second pair.
    const kept = await secrets.putIfAbsent(owner, SECRET_PURPOSES.certificateAuthorityKey, authority.keyPem, tx);
    if (kept.reveal() !== authority.keyPem.reveal()) return;
    await recordCertificate(tx, owner, CERTIFICATE_PURPOSES.certificateAuthority, authority.issued);
  });
}

async function deploy(step: Step): Promise<void> {
  const { cluster, azure, outputOf } = step;
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const customData = await machineCloudConfig(step);
  const description = await describeCluster(step, outputOf(ensureClusterSecrets).sshPublicKey);
  const request = {
    template: { ...clusterTemplate(description) },
    parameters: { customData: { value: customData } },
    tags: clusterTags(cluster),
  };
  await subscription.deployments.start(resourceGroup, clusterNames(cluster.id).deployment, request, step.signal);
}

/** One deployment makes identity, network, storage and machines. Its name is computed: a second start joins the first. */
export async function startDeployment(step: Step) {
  const { cluster, azure, clock } = step;
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const startedAt = clock.now().toISOString();
  const present = await subscription.deployments.find(resourceGroup, clusterNames(cluster.id).deployment);
  if (present?.state !== 'running' && present?.state !== 'succeeded') await deploy(step);
  return done({ startedAt });
}

/**
 * Done when Azure has made everything. A failure that stays ends the operation with Azure's own reason; after one that
 * passes the same deployment is asked for again, which goes on where it stopped.
 */
export async function deploymentIsFinished(step: Step) {
  const { cluster, azure, outputOf, clock } = step;
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const { deployments } = subscription;
  const { deployment } = clusterNames(cluster.id);
  const nextLook = azureLook(outputOf(startDeployment).startedAt, clock.now());
  const facts = await deployments.find(resourceGroup, deployment);
  switch (facts?.state) {
    case 'succeeded':
      return done();
    case 'failed': {
      const error = await deployments.explainFailure(resourceGroup, deployment, facts);
      if (!(error instanceof TransientError)) throw error;
      await deploy(step);
      return waitFor('Azure could not make a part of the cluster and is trying again', nextLook);
    }
    case 'canceled':
      throw new TerminalError(
        'DeploymentCanceled',
        'Someone stopped the deployment of the cluster in Azure. Delete the cluster and create it again.',
      );
    default:
      return waitFor(await progressSentence(deployments, resourceGroup, deployment), nextLook);
  }
}

async function progressSentence(
  deployments: AzureSubscription['deployments'],
  resourceGroup: string,
  name: string,
): Promise<string> {
  const progress = await deployments.progress(resourceGroup, name);
  const made = progress.filter(({ state }) => state === 'Succeeded').length;
  return `Azure is making the machines and the network (${made} parts are there)`;
}
