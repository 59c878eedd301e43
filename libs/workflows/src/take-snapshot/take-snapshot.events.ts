import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const takeSnapshotEvents: OperationEvents = {
  operation: OPERATION_KINDS.takeSnapshot,
  name: 'Snapshot',
  started: 'The service has begun to take a snapshot.',
  Succeeded: 'The snapshot is stored, encrypted, and was read back on its way.',
  Failed: 'The snapshot could not be taken.',
  Canceled: 'Taking the snapshot was stopped.',
};
