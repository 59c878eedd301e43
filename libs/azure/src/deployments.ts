import { DeploymentsClient } from '@azure/arm-resourcesdeployments';
import { TransientError } from '@managed-consul/errors';
import type { AzureConnection } from './connection';
import { callAzure, findInAzure, innermostError, isPassing, refusal, type AzureErrorBody } from './errors';

/** A template with the values for its parameters; secure ones are given the same way and Azure never shows them. */
export interface DeploymentRequest {
  template: Readonly<Record<string, unknown>>;
  parameters: Readonly<Record<string, { value: unknown }>>;
  tags?: Readonly<Record<string, string>>;
}

/** How far a deployment is. `correlationId` tells one run of a deployment from another of the same name. */
export interface DeploymentFacts {
  state: 'running' | 'succeeded' | 'failed' | 'canceled';
  correlationId: string | undefined;
  error: AzureErrorBody | undefined;
}

/** What became of one resource of a deployment. */
export interface ResourceProgress {
  type: string;
  name: string;
  /** Azure's word: `Running`, `Succeeded`, `Failed`, … */
  state: string;
  error: AzureErrorBody | undefined;
}

const STATES: Readonly<Record<string, DeploymentFacts['state']>> = {
  Succeeded: 'succeeded',
  Failed: 'failed',
  Canceled: 'canceled',
};

/** Deployments of templates into the resource groups of one subscription. */
export class Deployments {
  readonly #client: DeploymentsClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new DeploymentsClient(connection.credential, subscriptionId, connection.options);
  }

  /**
   * Asks Azure to deploy and returns when it has agreed. The same name again continues where the last run stopped. Asks nothing
   * any more once `abortSignal` is aborted; neither do the other writes.
   */
  async start(resourceGroup: string, name: string, request: DeploymentRequest, abortSignal?: AbortSignal): Promise<void> {
    await callAzure(`deploy the cluster into ${resourceGroup}`, () =>
      this.#client.deployments
        .createOrUpdate(
          resourceGroup,
          name,
          {
            properties: { mode: 'Incremental', template: request.template, parameters: { ...request.parameters } },
            ...(request.tags ? { tags: { ...request.tags } } : {}),
          },
          { abortSignal },
        )
        .submitted(),
    );
  }

  /** Undefined when there is no deployment of that name. */
  async find(resourceGroup: string, name: string): Promise<DeploymentFacts | undefined> {
    const deployment = await findInAzure(`read the deployment ${name}`, () => this.#client.deployments.get(resourceGroup, name));
    return (
      deployment && {
        state: STATES[deployment.properties?.provisioningState ?? ''] ?? 'running',
        correlationId: deployment.properties?.correlationId,
        error: deployment.properties?.error,
      }
    );
  }

  /** What became of each resource so far, in no particular order. */
  async progress(resourceGroup: string, name: string): Promise<ResourceProgress[]> {
    return callAzure(`read the progress of the deployment ${name}`, async () => {
      const progress: ResourceProgress[] = [];
      for await (const { properties } of this.#client.deploymentOperations.list(resourceGroup, name)) {
        const { targetResource, provisioningState, statusMessage } = properties ?? {};
        if (!targetResource?.resourceType) continue;
        progress.push({
          type: targetResource.resourceType,
          name: targetResource.resourceName ?? '',
          state: provisioningState ?? 'Running',
          error: statusMessage?.error,
        });
      }
      return progress;
    });
  }

  /**
   * Why a deployment failed, from the resource that failed: a `TerminalError` with Azure's code, or a `TransientError`
   * when deploying again may work.
   */
  async explainFailure(resourceGroup: string, name: string, facts: DeploymentFacts): Promise<Error> {
    const failed = (await this.progress(resourceGroup, name)).find((resource) => resource.error);
    const error = innermostError(failed?.error ?? facts.error ?? {});
    const what = failed ? `make ${failed.type} ${failed.name}` : 'deploy the cluster';
    if (isPassing(error)) return new TransientError(`Azure could not ${what}: ${error.code ?? 'unknown'}`);
    return refusal(error, what);
  }

  /** Stops a running deployment; one that has ended, or never was, is left as it is. */
  async cancel(resourceGroup: string, name: string, abortSignal?: AbortSignal): Promise<void> {
    if ((await this.find(resourceGroup, name))?.state !== 'running') return;
    await findInAzure(`stop the deployment ${name}`, () => this.#client.deployments.cancel(resourceGroup, name, { abortSignal }));
  }

  /** Forgets the deployment (Azure keeps 800 a group). Touches none of its resources. */
  async remove(resourceGroup: string, name: string, abortSignal?: AbortSignal): Promise<void> {
    await findInAzure(`forget the deployment ${name}`, () =>
      this.#client.deployments.delete(resourceGroup, name, { abortSignal }).submitted(),
    );
  }
}
