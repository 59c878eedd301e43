import { randomUUID } from 'node:crypto';
import { toArmError, ArmError } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import type { Platform, ResourceProvider } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ActionAnswer, ActionRequest, ResourceDraft, ResourceType, ResourceWork, ResourceWrite } from '../arm/resource-type';
import { DeploymentOperations, deploymentOperationRoutes } from './deployment-operations';
import { checkDeploymentName, parseDeploymentBody, readDeploymentRequest, type DeploymentRequest } from './deployment-request';
import { DeploymentRun, timing } from './deployment-run';
import { describeResources, prepareTemplate, templateHash } from './deployment-template';
import { answerWhatIf } from './what-if';

const TERMINAL_STATES = new Set(['Succeeded', 'Failed', 'Canceled']);

/** Deployments have words of their own for work that is going on. */
const SHOWN_STATES: Readonly<Record<string, string>> = { Creating: 'Running', Updating: 'Running' };

const isActive = (resource: StoredResource): boolean =>
  !TERMINAL_STATES.has(textOf(resource.properties['provisioningState'], 'Succeeded'));

/** `Microsoft.Resources/deployments` in a resource group. */
export const deploymentsProvider = (platform: Platform): ResourceProvider => {
  const operations = new DeploymentOperations(platform.store);
  return {
    namespace: 'Microsoft.Resources',
    types: [new Deployments(platform, operations)],
    routes: deploymentOperationRoutes(operations, platform.resources),
  };
};

/** A deployment: its template is checked when it is asked for and run as the work of the PUT. */
class Deployments implements ResourceType {
  readonly namespace = 'Microsoft.Resources';
  readonly type = 'deployments';
  /** A deployment is what happened in a group, not something that is in it. */
  readonly listed = false;
  readonly apiVersions = ['2026-06-01', '2025-04-01', '2024-11-01', '2022-09-01', '2021-04-01', '2020-10-01', '2019-10-01'];
  readonly location = 'optional';
  readonly methods = ['GET', 'PUT', 'DELETE'] as const;
  readonly longRunning = true;
  readonly actions = {
    validate: { kind: 'immediate', allowMissing: true, run: (request: ActionRequest) => this.answerValidate(request) },
    whatIf: {
      kind: 'longRunning',
      allowMissing: true,
      check: (request: ActionRequest) => void this.prepare(request),
      perform: async ({ id, body, caller }: { id: ActionRequest['id']; body: JsonObject; caller: ActionRequest['caller'] }) =>
        answerWhatIf(id, readDeploymentRequest(asJsonObject(body['properties'])), this.platform, caller),
    },
    cancel: { kind: 'immediate', run: (request: ActionRequest) => this.cancel(request) },
    exportTemplate: {
      kind: 'immediate',
      run: ({ resource }: ActionRequest) => ({ status: 200, body: { template: resource?.hidden['template'] } }),
    },
  } as const;

  constructor(
    private readonly platform: Platform,
    private readonly operations: DeploymentOperations,
  ) {}

  parseBody(text: string): JsonObject {
    return parseDeploymentBody(text);
  }

  validate({ id, body, existing }: ResourceWrite): void {
    checkDeploymentName(id.name);
    if (existing && isActive(existing)) {
      throw new ArmError(
        409,
        'DeploymentActive',
        `Unable to edit or replace deployment '${id.name}': previous deployment from '${String(existing.properties['timestamp'])}' is still active.`,
      );
    }
    prepareTemplate(id, readDeploymentRequest(body.properties), this.platform);
  }

  /** Defaults are evaluated now and kept, so that a run that goes on after a restart sees the same `newGuid` and `utcNow`. */
  draft({ id, body }: ResourceWrite): ResourceDraft {
    const request = readDeploymentRequest(body.properties);
    const now = this.platform.clock.now();
    const template = prepareTemplate(id, request, this.platform, { now });
    return {
      properties: {
        templateHash: templateHash(request.template),
        parameters: template.parameters,
        mode: request.mode,
        timestamp: now.toISOString(),
        duration: 'PT0S',
        correlationId: randomUUID(),
        ...describeResources(template),
      },
      hidden: { template: request.template, parameters: template.resolvedParameters, startedAt: now.toISOString() },
    };
  }

  async provision(work: ResourceWork): Promise<void> {
    const { hidden, properties } = work.resource;
    const correlationId = String(properties['correlationId']);
    const startedAt = String(hidden['startedAt']);
    const stored = await work.update({ hidden: { operationId: work.operationId } });
    if (stored.hidden['cancelRequested'] === true) {
      // Asked for before the work had begun. Not awaited: it ends when this work has.
      void this.platform.operations.cancel(work.operationId);
      work.signal.throwIfAborted();
    }
    this.operations.forget(work.id.id, correlationId);
    try {
      const request = {
        mode: properties['mode'],
        template: hidden['template'],
        parameters: hidden['parameters'],
      } as DeploymentRequest;
      const template = prepareTemplate(work.id, request, this.platform, { now: new Date(startedAt) });
      const run = new DeploymentRun(this.platform, this.operations, work, correlationId, template);
      const results = await run.run(request.mode);
      await work.update({ properties: { ...results, ...timing(startedAt, this.platform.clock.now()) } });
    } catch (error) {
      if (!work.signal.aborted) {
        const shown = toArmError(error).toErrorObject();
        await work.update({ properties: { error: shown, ...timing(startedAt, this.platform.clock.now()) } });
      }
      throw error;
    }
  }

  /** A running deployment cannot be deleted, but does not hold up the deletion of its group. */
  async beforeDelete(resource: StoredResource): Promise<void> {
    const group = await this.platform.resources.get(resource.id.split('/').slice(0, 5).join('/'));
    if (!isActive(resource) || group?.properties['provisioningState'] === 'Deleting') return;
    throw new ArmError(
      409,
      'DeploymentBeingDeletedIsActive',
      `The deployment '${resource.name}' is active and cannot be deleted: cancel it first.`,
    );
  }

  onDeleted(resource: StoredResource): void {
    this.operations.forget(resource.id);
  }

  present(resource: StoredResource): JsonObject {
    const { id, name, type, location, tags, properties } = resource;
    const state = textOf(properties['provisioningState'], 'Succeeded');
    return {
      id,
      name,
      type,
      ...(location === undefined ? {} : { location }),
      ...(tags === undefined ? {} : { tags }),
      properties: { ...properties, provisioningState: SHOWN_STATES[state] ?? state },
    };
  }

  private prepare({ id, body }: ActionRequest) {
    checkDeploymentName(id.name);
    const request = readDeploymentRequest(asJsonObject(body['properties']));
    return { request, template: prepareTemplate(id, request, this.platform) };
  }

  private answerValidate(action: ActionRequest): ActionAnswer {
    const { request, template } = this.prepare(action);
    const { id } = action;
    const properties = {
      templateHash: templateHash(request.template),
      parameters: template.parameters,
      mode: request.mode,
      provisioningState: 'Succeeded',
      timestamp: this.platform.clock.now().toISOString(),
      duration: 'PT0S',
      correlationId: randomUUID(),
      ...describeResources(template),
      validatedResources: template.resources.filter(({ condition }) => condition).map((resource) => ({ id: resource.id })),
    };
    return { status: 200, body: { id: id.id, name: id.name, type: id.fullType, properties } };
  }

  private async cancel({ id, resource, caller }: ActionRequest): Promise<ActionAnswer> {
    if (!resource || !isActive(resource)) {
      throw new ArmError(
        409,
        'DeploymentCannotBeCancelled',
        `The deployment '${id.name}' cannot be cancelled: it is not running.`,
      );
    }
    const operationId = this.platform.resources.update(id.id, { hidden: { cancelRequested: true } }).hidden['operationId'];
    if (typeof operationId === 'string') await this.platform.operations.cancel(operationId);
    // Afterwards: the end of a nested deployment would otherwise be told as the failure of this one.
    for (const operation of this.operations.list(id.id)) {
      const nested = operation.targetType.toLowerCase() === 'microsoft.resources/deployments';
      if (nested && operation.state === 'Running') await this.cancelNested(operation.targetId, caller);
    }
    return { status: 204 };
  }

  private async cancelNested(id: string, caller: ActionRequest['caller']): Promise<void> {
    const nested = await this.platform.resources.get(id);
    if (nested && isActive(nested)) await this.platform.resources.act(id, 'cancel', {}, caller);
  }
}
