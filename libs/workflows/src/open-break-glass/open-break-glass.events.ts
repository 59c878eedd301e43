import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const openBreakGlassEvents: OperationEvents = {
  operation: OPERATION_KINDS.openBreakGlass,
  name: 'OperatorAccess',
  started: 'An operator of the service is being given access to Consul for a short time; the audit log says to whom and why.',
  Succeeded: 'An operator of the service has access to Consul for a short time; the audit log says who and why.',
  Failed: 'An operator of the service was not given access to Consul.',
  Canceled: 'An operator of the service was not given access to Consul: it was taken back.',
};
