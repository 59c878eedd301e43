import { ArmError, toArmError, type ArmErrorDetail } from '../arm/arm-error';
import { asJsonObject } from '../arm/json';
import { sameId } from '../arm/resource-id';
import type { AcceptedChange, OperationOutcome, Platform } from '../arm/resource-provider';
import type { ResourceWork } from '../arm/resource-type';
import type { ExpandedTemplate, ReadRuntimeValue } from '../template-language/expanded-template';
import type { ExpandedResource } from '../template-language/resource-expansion';
import { durationBetween, type DeploymentOperation, type DeploymentOperations } from './deployment-operations';
import { toDeploymentError } from './deployment-template';
import { readDeployedResources } from './runtime-values';

/** How often a resource that another operation is changing is looked at again, and for how long. */
const CONFLICT_PAUSE_MILLISECONDS = 500;
const CONFLICT_TRIES = 600;

const TERMINAL_STATES = new Set(['succeeded', 'failed', 'canceled']);

/** Why a resource's long operation ended badly, as a deployment tells it. */
function explainOutcome(resource: ExpandedResource, { status, error }: OperationOutcome): ArmErrorDetail {
  return {
    code: 'ResourceDeploymentFailure',
    target: resource.id,
    message: `The resource write operation failed to complete successfully, because it reached terminal provisioning state '${status}'.`,
    ...(error ? { details: [error as unknown as ArmErrorDetail] } : {}),
  };
}

const explainRefusal = (resource: ExpandedResource, error: unknown): ArmErrorDetail => {
  const refusal = toArmError(toDeploymentError(error)).toErrorObject();
  return { target: resource.id, ...refusal };
};

/**
 * One run of a deployment: every resource once what it waits for is there, independent ones at the same time. What was
 * done is recorded resource by resource, so that a run that a restart cut short goes on where it was.
 */
export class DeploymentRun {
  private readonly started = new Map<string, Promise<boolean>>();
  private readonly failures: ArmErrorDetail[] = [];
  private readonly read: ReadRuntimeValue;

  constructor(
    private readonly platform: Pick<Platform, 'resources' | 'operations' | 'clock'>,
    private readonly records: DeploymentOperations,
    private readonly work: ResourceWork,
    private readonly correlationId: string,
    private readonly template: ExpandedTemplate,
  ) {
    this.read = readDeployedResources(platform.resources, work.caller);
  }

  /** Resolves with the outputs. Throws `DeploymentFailed` with an inner error for each resource that failed. */
  async run(mode: 'Incremental' | 'Complete'): Promise<{ outputs: object; outputResources: { id: string }[] }> {
    const wanted = this.template.resources.filter(({ condition, existing }) => condition && !existing);
    const ends = await Promise.allSettled(wanted.map((resource) => this.deploy(resource)));
    this.work.signal.throwIfAborted();
    const broken = ends.find((end) => end.status === 'rejected');
    if (broken) throw broken.reason;
    if (this.failures.length > 0) throw this.failed(this.failures);
    if (mode === 'Complete') await this.removeEverythingElse(wanted);
    return { outputs: await this.evaluateOutputs(), outputResources: wanted.map(({ id }) => ({ id })) };
  }

  /** Whether the resource, and all it waits for, succeeded. Each resource is started once. */
  private deploy(resource: ExpandedResource): Promise<boolean> {
    const known = this.started.get(resource.key);
    if (known) return known;
    const work = this.deployAfterDependencies(resource);
    this.started.set(resource.key, work);
    return work;
  }

  private async deployAfterDependencies(resource: ExpandedResource): Promise<boolean> {
    const needed = this.template.dependencies.get(resource.key) ?? new Set();
    const before = this.template.resources.filter(({ key, condition }) => condition && needed.has(key));
    const ready = await Promise.all(before.map((dependency) => this.deploy(dependency)));
    this.work.signal.throwIfAborted();
    // After a failure nothing new is begun; what is under way is finished.
    if (!ready.every(Boolean) || this.failures.length > 0) return false;
    return this.deployOne(resource);
  }

  private async deployOne(resource: ExpandedResource): Promise<boolean> {
    const before = this.records.find(this.work.id.id, this.correlationId, resource.id);
    if (before?.state === 'Succeeded') return true;
    if (before?.error) return this.recordFailure(resource, before, before.error);
    const record = before ?? this.record(resource, { state: 'Running', statusCode: 'Accepted' });
    try {
      const begun = record.resourceOperationId ? record : await this.begin(resource, record);
      if (begun.resourceOperationId) {
        const outcome = await this.platform.operations.waitFor(begun.resourceOperationId, this.work.signal);
        this.work.signal.throwIfAborted();
        if (outcome.status !== 'Succeeded') return this.recordFailure(resource, begun, explainOutcome(resource, outcome));
      }
      this.record(resource, { ...begun, state: 'Succeeded' });
      return true;
    } catch (error) {
      if (this.work.signal.aborted) throw error;
      return this.recordFailure(resource, record, explainRefusal(resource, error));
    }
  }

  private async begin(resource: ExpandedResource, record: DeploymentOperation): Promise<DeploymentOperation> {
    const body = await this.template.bodyOf(resource, this.read);
    const change = await this.put(resource, body);
    return this.record(resource, {
      ...record,
      statusCode: change.created ? 'Created' : 'OK',
      resourceOperationId: change.operationId,
    });
  }

  /** PUTs; while another operation is changing the resource, waits for that one to end and tries again, as Azure does. */
  private async put(resource: ExpandedResource, body: object): Promise<AcceptedChange> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.platform.resources.put(resource.id, asJsonObject(body), this.work.caller);
      } catch (error) {
        if (!(error instanceof ArmError) || error.status !== 409 || attempt >= CONFLICT_TRIES) throw error;
        if (!(await this.isChanging(resource))) throw error;
        await this.platform.clock.sleep(CONFLICT_PAUSE_MILLISECONDS, this.work.signal);
      }
    }
  }

  private async isChanging(resource: ExpandedResource): Promise<boolean> {
    const state = (await this.platform.resources.get(resource.id))?.properties['provisioningState'];
    return typeof state === 'string' && !TERMINAL_STATES.has(state.toLowerCase());
  }

  private record(
    resource: ExpandedResource,
    change: Pick<DeploymentOperation, 'state' | 'statusCode'> & Partial<DeploymentOperation>,
  ): DeploymentOperation {
    const now = this.platform.clock.now().toISOString();
    return this.records.save({
      deploymentId: this.work.id.id,
      correlationId: this.correlationId,
      targetId: resource.id,
      targetType: resource.type,
      targetName: resource.name,
      startedAt: now,
      resourceOperationId: undefined,
      error: undefined,
      ...change,
      changedAt: now,
    });
  }

  private recordFailure(resource: ExpandedResource, record: DeploymentOperation, error: ArmErrorDetail): false {
    this.record(resource, {
      ...record,
      state: 'Failed',
      statusCode: error.code === 'ResourceDeploymentFailure' ? 'Conflict' : 'BadRequest',
      error,
    });
    this.failures.push(error);
    return false;
  }

  private failed(details: readonly ArmErrorDetail[]): ArmError {
    return new ArmError(
      409,
      'DeploymentFailed',
      'At least one resource deployment operation failed. Please list deployment operations for details. ' +
        'Please see https://aka.ms/arm-deployment-operations for usage details.',
      { target: this.work.id.id, details },
    );
  }

  private async evaluateOutputs(): Promise<object> {
    try {
      return await this.template.outputs(this.read);
    } catch (error) {
      this.work.signal.throwIfAborted();
      const detail = toArmError(toDeploymentError(error)).toErrorObject();
      throw new ArmError(400, 'DeploymentOutputEvaluationFailed', 'Unable to evaluate template outputs.', {
        target: this.work.id.id,
        details: [detail],
      });
    }
  }

  /** Complete mode: what is in the group and not in the template goes. Deployments are history and stay. */
  private async removeEverythingElse(wanted: readonly ExpandedResource[]): Promise<void> {
    const { subscriptionId = '', resourceGroup = '' } = this.work.id;
    const kept = (id: string): boolean => wanted.some((resource) => sameId(resource.id, id));
    const surplus = this.platform.resources
      .listByGroup(subscriptionId, resourceGroup)
      .filter(({ id, type }) => type.toLowerCase() !== 'microsoft.resources/deployments' && !kept(id));
    let remaining = [...surplus];
    let problems: ArmErrorDetail[] = [];
    // Resources refuse to go while others use them, so rounds are made until one removes nothing.
    while (remaining.length > 0) {
      const refused: typeof remaining = [];
      problems = [];
      for (const resource of remaining) {
        const problem = await this.remove(resource.id);
        if (problem) {
          refused.push(resource);
          problems.push(problem);
        }
      }
      if (refused.length === remaining.length) throw this.failed(problems);
      remaining = refused;
    }
  }

  private async remove(id: string): Promise<ArmErrorDetail | undefined> {
    try {
      const deletion = await this.platform.resources.delete(id, this.work.caller);
      if (deletion?.operationId === undefined) return undefined;
      const outcome = await this.platform.operations.waitFor(deletion.operationId, this.work.signal);
      if (outcome.status === 'Succeeded') return undefined;
      return {
        code: 'ResourceDeploymentFailure',
        target: id,
        message: `The resource could not be deleted: '${outcome.status}'.`,
      };
    } catch (error) {
      this.work.signal.throwIfAborted();
      return { target: id, ...toArmError(error).toErrorObject() };
    }
  }
}

/** What a deployment shows of its time. */
export const timing = (startedAt: string, now: Date): { timestamp: string; duration: string } => ({
  timestamp: now.toISOString(),
  duration: durationBetween(startedAt, now.toISOString()),
});
