import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const closeBreakGlassEvents: OperationEvents = {
  operation: OPERATION_KINDS.closeBreakGlass,
  name: 'OperatorAccessEnd',
  started: 'The access of an operator of the service to Consul ends.',
  Succeeded: 'The access of an operator of the service to Consul has ended; every server refuses its token.',
  Failed: 'It could not be seen that every server refuses the token of an operator of the service; it is tried again.',
  Canceled: 'The end of the access of an operator of the service was stopped; it is tried again.',
};
