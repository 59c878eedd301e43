import { type AccessControl } from '../../authorization/access-control';
import { type Route, type ServerRequest, type ServerResponse } from '../../server/route';
import { ArmError } from '../arm-error';
import { type LongOperation, type LongOperations } from '../long-operations';
import { parseResourceId } from '../resource-id';
import { type ResourceReads } from './resource-reads';
import { type ResourceStore } from '../resource-store';

/** How clients follow a long operation: addresses to poll and how often. */
export class AsyncAnswers {
  readonly #retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    this.#retryAfterSeconds = retryAfterSeconds;
  }

  /** `Azure-AsyncOperation` for a PUT; with `location` also `Location`, as 202 answers have it. */
  headers(operation: LongOperation, request: ServerRequest, location: boolean): Record<string, string> {
    const base = operation.subscriptionId === undefined ? '' : `/subscriptions/${operation.subscriptionId}`;
    const apiVersion = encodeURIComponent(request.query.get('api-version') ?? '');
    const link = (kind: string): string =>
      `https://${request.headers['host'] ?? 'localhost'}${base}/providers/${operation.namespace}/locations/${operation.location}/${kind}/${operation.id}?api-version=${apiVersion}`;
    return {
      'azure-asyncoperation': link('operationStatuses'),
      ...(location ? { location: link('operationResults') } : {}),
      'retry-after': String(this.#retryAfterSeconds),
    };
  }

  retryAfter(): Record<string, string> {
    return { 'retry-after': String(this.#retryAfterSeconds) };
  }
}

interface OperationRouteParts {
  readonly operations: LongOperations;
  readonly resources: ResourceStore;
  readonly reads: ResourceReads;
  readonly access: AccessControl;
  readonly answers: AsyncAnswers;
}

/** The addresses in `Azure-AsyncOperation` and `Location`. */
export function operationRoutes(parts: OperationRouteParts): Route[] {
  const tails = [
    '/providers/{namespace}/locations/{location}',
    '/subscriptions/{subscriptionId}/providers/{namespace}/locations/{location}',
  ];
  return tails.flatMap((tail): Route[] => [
    armGet(`${tail}/operationStatuses/{operationId}`, (request) => showStatus(findOperation(request, parts), parts)),
    armGet(`${tail}/operationResults/{operationId}`, (request) => showResult(findOperation(request, parts), request, parts)),
  ]);
}

const armGet = (pattern: string, handle: Route['handle']): Route => ({
  method: 'GET',
  pattern,
  access: { kind: 'arm', permission: undefined },
  handle,
});

/** An operation is shown to who started it and to who may read its resource; to others it does not exist. */
function findOperation(request: ServerRequest, { operations, access }: OperationRouteParts): LongOperation {
  const operationId = request.parameters['operationId'] ?? '';
  const operation = operations.find(operationId);
  const isSame = operation?.subscriptionId?.toLowerCase() === request.parameters['subscriptionId']?.toLowerCase();
  if (operation && isSame) {
    const permission = `${parseResourceId(operation.resourceId).fullType}/read`;
    const isMine = operation.caller.objectId === request.caller.objectId;
    if (isMine || access.allows(request.caller, permission, operation.resourceId)) return operation;
  }
  throw new ArmError(404, 'OperationNotFound', `The operation '${operationId}' could not be found.`);
}

function showStatus(operation: LongOperation, { answers }: OperationRouteParts): ServerResponse {
  const isRunning = operation.status === 'Running';
  return {
    status: 200,
    headers: isRunning ? answers.retryAfter() : {},
    body: {
      id: `/subscriptions/${operation.subscriptionId ?? ''}/providers/${operation.namespace}/locations/${operation.location}/operationStatuses/${operation.id}`,
      name: operation.id,
      status: isRunning ? 'InProgress' : operation.status,
      startTime: operation.startTime,
      ...(operation.endTime === undefined ? {} : { endTime: operation.endTime }),
      percentComplete: isRunning ? 50 : 100,
      ...(operation.result === undefined || operation.result === null ? {} : { properties: { output: operation.result } }),
      ...(operation.error === undefined ? {} : { error: operation.error }),
    },
  };
}

/** Location: 202 until it is done, then what a synchronous call would have answered. */
async function showResult(
  operation: LongOperation,
  request: ServerRequest,
  { answers, resources, reads }: OperationRouteParts,
): Promise<ServerResponse> {
  if (operation.status === 'Running') {
    return { status: 202, headers: { ...answers.headers(operation, request, true) } };
  }
  if (operation.error) return { status: operation.errorStatus ?? 500, body: { error: operation.error } };
  if (operation.kind === 'delete') return { status: operation.namespace === 'Microsoft.Resources' ? 200 : 204 };
  if (operation.kind === 'action') return { status: 200, ...(operation.result === undefined ? {} : { body: operation.result }) };
  const resource = await resources.find(parseResourceId(operation.resourceId));
  return resource ? { status: 200, body: await reads.present(resource) } : { status: 204 };
}
