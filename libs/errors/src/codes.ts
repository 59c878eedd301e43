/**
 * Every error code that a caller can meet, with the HTTP status it is sent with and what it means. Codes are for ever:
 * clients compare them. Where ARM has a code for the case, ARM's is used.
 */
export const ERROR_CODES = {
  InvalidRequest: { status: 400, meaning: 'The request does not fit its schema; `details` lists every problem.' },
  InvalidJson: { status: 400, meaning: 'The body is not JSON.' },
  InvalidMonth: { status: 400, meaning: 'The month is not in the form 2026-01, or has not begun.' },
  InvalidPrice: { status: 400, meaning: 'The price does not fit its schema, or would change hours that are billed already.' },
  CreditExceedsRecord: { status: 400, meaning: 'The credit is for more time than is left of the record that it corrects.' },
  InvalidPageToken: { status: 400, meaning: 'The page token was not made by this service for this list.' },
  AuthenticationFailed: { status: 401, meaning: 'There is no bearer token, or it is expired, unsigned or for someone else.' },
  AuthorizationFailed: { status: 403, meaning: 'The caller is known but its role does not allow the request.' },
  TenantSuspended: {
    status: 403,
    meaning: 'The tenant is suspended: it may read and change nothing; the message says why and whom to ask.',
  },
  TenantDenied: { status: 403, meaning: 'The service takes nothing new of the tenant; the message says whom to ask.' },
  ResourceNotFound: { status: 404, meaning: 'Nothing of that name exists that the caller may see.' },
  RouteNotFound: { status: 404, meaning: 'The service has no such address.' },
  MethodNotAllowed: { status: 405, meaning: 'The address exists, the method does not.' },
  Conflict: { status: 409, meaning: 'The request contradicts the present state of the resource.' },
  OperationInProgress: { status: 409, meaning: 'An unfinished operation holds the cluster; the message names it.' },
  StepNotCurrent: { status: 409, meaning: 'The operation is not at that step; the message says where it is.' },
  StepNotSkippable: { status: 409, meaning: 'What the step does cannot be done without, so it is never passed by.' },
  StepBeingTried: { status: 409, meaning: 'A worker is at the step this moment; it can be passed by between two tries.' },
  NameAlreadyExists: { status: 409, meaning: 'A living cluster of the installation has that name.' },
  QuotaExceeded: {
    status: 409,
    meaning: 'The tenant has as many clusters or servers as it may have; the message says how many and what to do.',
  },
  SnapshotNameExists: { status: 409, meaning: 'A snapshot of the cluster has that name.' },
  NetworkOverlap: { status: 409, meaning: 'The address range overlaps that of another cluster in the installation.' },
  QuorumAtRisk: { status: 409, meaning: 'Another server is not healthy, so this one may not be taken down.' },
  FederationHasSecondaries: {
    status: 409,
    meaning: 'The cluster is the primary datacenter of others; delete those first.',
  },
  ClusterFederated: {
    status: 409,
    meaning: 'The cluster shares what would change with other datacenters, so it cannot be changed in one of them alone.',
  },
  UpgradeNotNewer: { status: 409, meaning: 'The servers run that Consul version or a later one; they never go back.' },
  UpgradePathForbidden: { status: 409, meaning: 'No allowed sequence of installable versions leads to that Consul version.' },
  NewerThanPrimary: {
    status: 409,
    meaning: 'The servers of the primary datacenter run an earlier Consul version; a secondary is never newer than they are.',
  },
  VersionBlocked: { status: 409, meaning: 'The Consul version has a known fault and is not installed; the message says which.' },
  VersionUnavailable: {
    status: 409,
    meaning: 'The Consul version is not on offer, or the service holds no verified program of it.',
  },
  IdempotencyKeyReused: { status: 409, meaning: 'The Idempotency-Key was used before with another body.' },
  PreconditionFailed: { status: 412, meaning: 'If-Match does not name the present revision.' },
  PayloadTooLarge: { status: 413, meaning: 'The body is larger than 1 MiB.' },
  UnsupportedMediaType: { status: 415, meaning: 'The body is not sent as application/json.' },
  TooManyRequests: { status: 429, meaning: 'The caller sends faster than it may; Retry-After says when to go on.' },
  InternalError: { status: 500, meaning: 'Something broke on the side of the service; the message carries the correlation id.' },
  AgentUnreachable: { status: 503, meaning: 'No server of the cluster can be reached through its agent.' },
  ConsulUnavailable: { status: 503, meaning: 'Servers of the cluster are reached, but Consul on them does not answer.' },
  ServiceUnavailable: { status: 503, meaning: 'The service cannot reach what it needs; Retry-After says when to try again.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
