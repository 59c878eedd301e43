import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const upgradeClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.upgradeCluster,
  name: 'Upgrade',
  started: 'The service has begun to upgrade the cluster, one server after the other.',
  Succeeded: 'The upgrade is finished: every server runs the new version and is healthy.',
  Failed: 'The upgrade has stopped. The line before says which servers run what; ask for it again when the reason is gone.',
  Canceled: 'The upgrade was stopped.',
};
