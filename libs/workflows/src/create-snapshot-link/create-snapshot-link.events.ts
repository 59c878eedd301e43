import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const createSnapshotLinkEvents: OperationEvents = {
  operation: OPERATION_KINDS.createSnapshotLink,
  name: 'SnapshotLink',
  started: 'The service has begun to make a download link for a snapshot.',
  Succeeded:
    'The download link is ready and is shown once. Whoever has it can read every token that the cluster had at that time.',
  Failed: 'The download link could not be made. Ask for another.',
  Canceled: 'Making the download link was stopped.',
};
