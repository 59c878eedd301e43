import {
  clusterNames,
  clusterTags,
  clusterTemplate,
  isCompared,
  RESOURCE_TYPES,
  resourceId,
  type ClusterTemplate,
  type TemplateResource,
} from '@managed-consul/azure';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { describeCluster } from '../shared-steps/cluster-description';
import { azureLook } from '../shared-steps/delays';
import { machineCloudConfig } from '../shared-steps/machine-cloud-config';
import { scaleSetOf } from '../shared-steps/machines';
import { placeOf } from '../shared-steps/place';
import { confirmRepair } from './servers.steps';

/** Parts that no look compares (containers, roles) hang on these. */
const HAVE_PARTS: readonly string[] = [RESOURCE_TYPES.storageAccount, RESOURCE_TYPES.identity];

/** The part of a template that makes the named resources and what hangs on them; the rest of the cluster is not touched. */
export function partOf(template: ClusterTemplate, names: readonly string[]): ClusterTemplate {
  const named = template.resources.filter((resource) => isCompared(resource) && names.includes(resource.name));
  const withParts = named.some(({ type }) => HAVE_PARTS.includes(type));
  const chosen = template.resources.filter((resource) => named.includes(resource) || (withParts && !isCompared(resource)));
  const ids = new Set(chosen.map(({ type, name }) => `[resourceId('${type}', '${name}')]`));
  const resources = chosen.map((resource): TemplateResource =>
    resource.dependsOn ? { ...resource, dependsOn: resource.dependsOn.filter((id) => ids.has(id)) } : resource,
  );
  const usesCloudConfig = resources.some(({ type }) => type === RESOURCE_TYPES.scaleSet);
  return { ...template, resources, parameters: usesCloudConfig ? template.parameters : {} };
}

interface Keyed {
  virtualMachineProfile?: { osProfile?: { linuxConfiguration?: { ssh?: { publicKeys?: { keyData?: string }[] } } } };
}

/** Azure lets neither the key nor the number of the machines be set anew in passing: both are taken from what is there. */
async function presentScaleSet(step: Step): Promise<{ servers: number; sshPublicKey: string }> {
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const { subscription, ...place } = placeOf(step);
  const id = resourceId(place, RESOURCE_TYPES.scaleSet, scaleSet);
  const [facts, state] = await Promise.all([
    scaleSets.find(resourceGroup, scaleSet),
    subscription.resources.read(id, RESOURCE_TYPES.scaleSet),
  ]);
  const properties = state?.['properties'] as Keyed | undefined;
  const key = properties?.virtualMachineProfile?.osProfile?.linuxConfiguration?.ssh?.publicKeys?.[0]?.keyData;
  return { servers: facts?.capacity ?? step.cluster.servers, sshPublicKey: key ?? '' };
}

async function deploy(step: Step): Promise<void> {
  const { cluster } = step;
  const { subscription, resourceGroup } = placeOf(step);
  const { servers, sshPublicKey } = await presentScaleSet(step);
  const description = { ...(await describeCluster(step, sshPublicKey)), servers };
  const template = partOf(clusterTemplate(description), step.outputOf(confirmRepair).resources);
  const customData = { value: await machineCloudConfig(step) };
  const parameters: Record<string, { value: string }> = 'customData' in template.parameters ? { customData } : {};
  const request = { template: { ...template }, parameters, tags: clusterTags(cluster) };
  await subscription.deployments.start(resourceGroup, clusterNames(cluster.id).deployment, request, step.signal);
}

/**
 * Deploys again what is missing or altered. Under the name of the first deployment: a delete of the cluster stops that one and
 * forgets it.
 */
export async function startRedeployment(step: Step) {
  const startedAt = step.clock.now().toISOString();
  if (step.outputOf(confirmRepair).resources.length === 0) return done({ startedAt });
  const { subscription, resourceGroup } = placeOf(step);
  const present = await subscription.deployments.find(resourceGroup, clusterNames(step.cluster.id).deployment);
  if (present?.state !== 'running') await deploy(step);
  return done({ startedAt });
}

export async function redeploymentIsFinished(step: Step) {
  if (step.outputOf(confirmRepair).resources.length === 0) return done();
  const { subscription, resourceGroup } = placeOf(step);
  const { deployment } = clusterNames(step.cluster.id);
  const nextLook = azureLook(step.outputOf(startRedeployment).startedAt, step.clock.now());
  const facts = await subscription.deployments.find(resourceGroup, deployment);
  switch (facts?.state) {
    case 'succeeded':
      return done();
    case 'failed': {
      const error = await subscription.deployments.explainFailure(resourceGroup, deployment, facts);
      if (!(error instanceof TransientError)) throw error;
      await deploy(step);
      return waitFor('Azure could not mend a part of the cluster and is trying again', nextLook);
    }
    case 'canceled':
      throw new TerminalError('DeploymentCanceled', 'Someone stopped the deployment of the cluster in Azure.');
    default:
      return waitFor('Azure is mending the cluster’s resources', nextLook);
  }
}
