import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const deleteSnapshotEvents: OperationEvents = {
  operation: OPERATION_KINDS.deleteSnapshot,
  name: 'SnapshotDelete',
  started: 'The service has begun to delete a snapshot.',
  Succeeded: 'The snapshot is deleted, and the key that it could be read with is destroyed.',
  Failed: 'The snapshot could not be deleted. Ask for it again when the reason is gone.',
  Canceled: 'Deleting the snapshot was stopped.',
};
