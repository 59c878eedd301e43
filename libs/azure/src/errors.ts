import { TerminalError, TransientError } from '@managed-consul/errors';

/**
 * What a customer can do about a refusal, by Azure's code. Azure's own message follows the sentence, because it names
 * the quota, the lock or the policy. Every code here is final: asking again changes nothing until a person acts.
 */
const FINAL_REFUSALS: Readonly<Record<string, string>> = {
  QuotaExceeded:
    'The Azure subscription has no quota left for the servers. Ask Azure for more quota, or choose a smaller size or another region.',
  OperationNotAllowed:
    'Azure does not allow the servers in this subscription, as a rule because a quota is used up. Raise the quota, or choose a smaller size or another region.',
  SkuNotAvailable: 'Azure does not offer this server size in the region for this subscription. Choose another size or region.',
  AllocationFailed: 'Azure has no machines of this size free in the region now. Try later, or choose another size or region.',
  ZonalAllocationFailed:
    'Azure has no machines of this size free in one of the zones now. Try later, or choose another size or region.',
  OverconstrainedZonalAllocationRequest:
    'Azure cannot place machines of this size in the zones of the region. Choose another size or region.',
  AuthorizationFailed: 'The service is not allowed to act on the resource group. Give it back the role it was installed with.',
  LinkedAuthorizationFailed:
    'The service is not allowed to use a resource that the cluster needs. Give it back the role it was installed with.',
  ScopeLocked: 'A lock on the subscription or the resource group stops the change. Remove the lock and try again.',
  DenyAssignmentAuthorizationFailed: 'A deny assignment stops the service. Remove it from the resource group and try again.',
  RequestDisallowedByPolicy:
    'A policy of the subscription forbids what the cluster needs. Exempt the resource group from the policy and try again.',
  SubscriptionNotFound:
    'The Azure subscription does not exist or the service may not see it. Check the subscription of the installation.',
  ReadOnlyDisabledSubscription: 'The Azure subscription is disabled. Enable it and try again.',
  MissingSubscriptionRegistration:
    'The Azure subscription is not registered for a service that the cluster needs. Register it and try again.',
  NoRegisteredProviderFound: 'The region does not offer an Azure service that the cluster needs. Choose another region.',
  LocationNotAvailableForResourceType:
    'The region does not offer an Azure service that the cluster needs. Choose another region.',
  ResourceGroupNotFound: 'The resource group of the installation no longer exists. Install the service again.',
  StorageAccountAlreadyTaken:
    'The name of the storage account is taken by someone else in Azure. Delete the cluster and create it again.',
  InvalidTemplate: 'Azure refused the description of the cluster. This is a fault of the service; name the operation to support.',
  InvalidTemplateDeployment: 'Azure refused the description of the cluster. Read what Azure says, mend it and try again.',
};

/** Refusals that pass: something is still being made, removed or copied inside Azure. */
const PASSING_REFUSALS = new Set([
  'AnotherOperationInProgress',
  'AuthenticationFailed',
  'CanceledAndSupersededDueToAnotherOperation',
  'Conflict',
  'DeploymentActive',
  'DeploymentBeingDeleted',
  'InUseNetworkSecurityGroupCannotBeDeleted',
  'InUsePrefixCannotBeDeleted',
  'InUseSubnetCannotBeDeleted',
  'InternalServerError',
  'LoadBalancerInUseByVirtualMachineScaleSet',
  'NatGatewayInUseBySubnet',
  'NetworkingInternalOperationError',
  'OperationPreempted',
  'PublicIPAddressCannotBeDeleted',
  'PublicIPAddressInUse',
  'ReferencedResourceNotProvisioned',
  'ResourceGroupBeingDeleted',
  'RetryableError',
  'TooManyRequests',
]);

/** An error body as Azure nests them: the outermost codes often only say that something inside failed. */
export interface AzureErrorBody {
  code?: string;
  message?: string;
  details?: AzureErrorBody[];
}

const SAYS_ONLY_THAT_SOMETHING_FAILED = new Set([
  'DeploymentFailed',
  'InvalidTemplateDeployment',
  'ResourceDeploymentFailure',
  'BadRequest',
  'Conflict',
]);

/** The innermost error that says something of its own: what a customer can act on. */
export function innermostError(error: AzureErrorBody): AzureErrorBody {
  const inner = error.details?.find((detail) => detail.code);
  if (!inner || !SAYS_ONLY_THAT_SOMETHING_FAILED.has(error.code ?? '')) return error;
  return innermostError(inner);
}

/** A refusal in the customer's words. `what` completes "Azure could not …". */
export function refusal(error: AzureErrorBody, what: string, cause?: unknown): TerminalError {
  const { code = 'AzureRefused', message } = innermostError(error);
  const sentence = FINAL_REFUSALS[code] ?? `Azure could not ${what}.`;
  return new TerminalError(code, message ? `${sentence} Azure says: ${message}` : sentence, cause);
}

/** Whether a failed deployment or a refused call with this error may work when it is asked for again. */
export const isPassing = (error: AzureErrorBody): boolean => PASSING_REFUSALS.has(innermostError(error).code ?? '');

interface SdkError {
  statusCode: number | undefined;
  body: AzureErrorBody;
  retryAfterSeconds: number | undefined;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function readSdkError(error: Error): SdkError {
  const { statusCode, code, details, response } = error as Error & {
    statusCode?: number;
    code?: string;
    details?: unknown;
    response?: unknown;
  };
  const parsed = asRecord(asRecord(details)['error'] ?? details) as AzureErrorBody;
  const headers = asRecord(response)['headers'] as { get?: (name: string) => string | undefined } | undefined;
  const retryAfter = Number(headers?.get?.('retry-after'));
  return {
    statusCode,
    body: { ...parsed, code: parsed.code ?? code, message: parsed.message ?? error.message },
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined,
  };
}

/** Why there is no answer: given up by us (a call's time is up, or the worker must go), or a connection that broke. */
const unanswered = (error: Error, { code }: AzureErrorBody): string =>
  error.name === 'AbortError' ? 'there was no answer in time' : `the connection broke (${code ?? error.name})`;

/** The edge to Azure: everything that an SDK throws becomes a `TerminalError` or a `TransientError` here, once. */
export function translateAzureError(error: unknown, what: string): Error {
  if (error instanceof TerminalError || error instanceof TransientError) return error;
  if (!(error instanceof Error)) return new TransientError(`Azure could not ${what}`, { cause: error });
  const { statusCode, body, retryAfterSeconds } = readSdkError(error);
  const more = { cause: error, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  // No status: the connection broke. 401: the service's own credential, which an operator mends while work waits.
  const mayPass = statusCode === undefined || statusCode >= 500 || [401, 408, 429].includes(statusCode) || isPassing(body);
  if (!mayPass) return refusal(body, what, error);
  const answer = statusCode === undefined ? unanswered(error, body) : `${statusCode} ${body.code ?? error.name}`;
  return new TransientError(`Azure could not ${what}: ${answer}`, more);
}

/** Whether Azure said that the thing asked for is not there. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof Error && (error as Error & { statusCode?: number }).statusCode === 404;

/** One call to Azure; `what` completes "Azure could not …". */
export async function callAzure<Result>(what: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw translateAzureError(error, what);
  }
}

/** One look at Azure; undefined when the thing is not there. */
export function findInAzure<Result>(what: string, look: () => Promise<Result>): Promise<Result | undefined> {
  return callAzure<Result | undefined>(what, async () => {
    try {
      return await look();
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  });
}
