import { createHash } from 'node:crypto';
import type { ArmErrorDetail } from '../arm/arm-error';
import { ArmError } from '../arm/arm-error';
import type { JsonObject } from '../arm/json';
import { idKey } from '../arm/resource-id';
import type { StoredResource } from '../arm/resource';
import type { ResourceAccess } from '../arm/resource-provider';
import type { Route, ServerRequest, ServerResponse } from '../server/route';
import type { Collection, Store } from '../store/store';

export type DeploymentOperationState = 'Running' | 'Succeeded' | 'Failed';

/** What a deployment did about one resource: shown to callers, and where the deployment goes on after a restart. */
export interface DeploymentOperation {
  readonly deploymentId: string;
  /** One run of the deployment; the same name deployed again has another. */
  readonly correlationId: string;
  readonly operationId: string;
  readonly targetId: string;
  readonly targetType: string;
  readonly targetName: string;
  readonly state: DeploymentOperationState;
  readonly startedAt: string;
  readonly changedAt: string;
  readonly statusCode: string;
  /** The long operation on the resource that is waited for. */
  readonly resourceOperationId: string | undefined;
  readonly error: ArmErrorDetail | undefined;
}

/** An ISO 8601 duration between two instants, to the millisecond. */
export const durationBetween = (start: string, end: string): string =>
  `PT${Math.max(0, Date.parse(end) - Date.parse(start)) / 1000}S`;

/** The durable record of what deployments did. */
export class DeploymentOperations {
  private readonly records: Collection<DeploymentOperation>;

  constructor(store: Store) {
    this.records = store.collection('deployment-operations');
  }

  find(deploymentId: string, correlationId: string, targetId: string): DeploymentOperation | undefined {
    const record = this.records.get(this.keyOf(deploymentId, targetId));
    return record?.correlationId === correlationId ? record : undefined;
  }

  save(record: Omit<DeploymentOperation, 'operationId'>): DeploymentOperation {
    const whole = { ...record, operationId: operationIdOf(record.targetId) };
    this.records.put(this.keyOf(record.deploymentId, record.targetId), whole);
    return whole;
  }

  list(deploymentId: string): readonly DeploymentOperation[] {
    return this.records.list(`${idKey(deploymentId)}/`);
  }

  /** Removes all records of a deployment, or those of other runs than `keep`. */
  forget(deploymentId: string, keep?: string): void {
    for (const record of this.list(deploymentId)) {
      if (record.correlationId !== keep) this.records.delete(this.keyOf(deploymentId, record.targetId));
    }
  }

  private keyOf(deploymentId: string, targetId: string): string {
    return `${idKey(deploymentId)}/${operationIdOf(targetId)}`;
  }
}

const operationIdOf = (targetId: string): string =>
  createHash('sha256').update(idKey(targetId)).digest('hex').slice(0, 16).toUpperCase();

/** As callers see it: what was under way when its deployment was cancelled is cancelled too. */
function present(operation: DeploymentOperation, deployment: StoredResource): JsonObject {
  const { deploymentId, operationId, error } = operation;
  const isCanceled = deployment.properties['provisioningState'] === 'Canceled' && operation.state === 'Running';
  const state = isCanceled ? 'Canceled' : operation.state;
  return {
    id: `${deploymentId}/operations/${operationId}`,
    operationId,
    properties: {
      provisioningOperation: 'Create',
      provisioningState: state,
      timestamp: operation.changedAt,
      duration: durationBetween(operation.startedAt, operation.changedAt),
      trackingId: operation.correlationId,
      statusCode: operation.statusCode,
      ...(error ? { statusMessage: { status: 'Failed', error } } : {}),
      targetResource: {
        id: operation.targetId,
        resourceType: operation.targetType,
        resourceName: operation.targetName,
      },
    },
  };
}

/**
 * The operations of a deployment. Clients ask below `…/resourcegroups/{g}/deployments/{d}`, without the provider; the form
 * with it exists too.
 */
export function deploymentOperationRoutes(operations: DeploymentOperations, resources: ResourceAccess): Route[] {
  const deploymentOf = async ({ parameters }: ServerRequest): Promise<StoredResource> => {
    const { subscriptionId, resourceGroup, deployment } = parameters;
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Resources/deployments/${deployment}`;
    const found = await resources.get(id);
    if (found) return found;
    throw new ArmError(404, 'DeploymentNotFound', `Deployment '${deployment}' could not be found.`);
  };
  const list = async (request: ServerRequest): Promise<ServerResponse> => {
    const deployment = await deploymentOf(request);
    return { status: 200, body: { value: operations.list(deployment.id).map((operation) => present(operation, deployment)) } };
  };
  const get = async (request: ServerRequest): Promise<ServerResponse> => {
    const wanted = request.parameters['operation']?.toLowerCase();
    const deployment = await deploymentOf(request);
    const found = operations.list(deployment.id).find(({ operationId }) => operationId.toLowerCase() === wanted);
    if (found) return { status: 200, body: present(found, deployment) };
    throw new ArmError(
      404,
      'DeploymentOperationNotFound',
      `The deployment operation '${request.parameters['operation']}' could not be found.`,
    );
  };
  const group = '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroup}';
  const access = { kind: 'arm', permission: 'Microsoft.Resources/deployments/operations/read' } as const;
  return [`${group}/deployments/{deployment}`, `${group}/providers/Microsoft.Resources/deployments/{deployment}`].flatMap(
    (base): Route[] => [
      { method: 'GET', pattern: `${base}/operations`, access, handle: list },
      { method: 'GET', pattern: `${base}/operations/{operation}`, access, handle: get },
    ],
  );
}
