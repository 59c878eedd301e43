import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const previewRestoreEvents: OperationEvents = {
  operation: OPERATION_KINDS.previewRestore,
  name: 'RestorePreview',
  started: 'The service has begun to find out what a restore would do.',
  Succeeded: 'What a restore would do is known; read it at the operation. Nothing was changed.',
  Failed: 'What a restore would do could not be found out. Nothing was changed.',
  Canceled: 'Finding out what a restore would do was stopped. Nothing was changed.',
};
