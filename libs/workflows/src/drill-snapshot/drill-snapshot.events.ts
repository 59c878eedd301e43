import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const drillSnapshotEvents: OperationEvents = {
  operation: OPERATION_KINDS.drillSnapshot,
  name: 'Drill',
  started: 'The service has begun to prove a snapshot by restoring it aside.',
  Succeeded: 'The snapshot was restored into a server of its own and read: it can be restored.',
  Failed: 'The snapshot was not proved. The error says whether it is bad or could not be tried.',
  Canceled: 'Proving the snapshot was stopped.',
};
