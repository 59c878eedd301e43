import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { SNAPSHOT_PATIENCE, snapshotIsVerified, startSnapshot } from '../shared-steps/take-snapshot.steps';
import { confirmSnapshotCanBeTaken } from './confirm.steps';

/** The agent beside a server takes, verifies, encrypts and stores in one stream; the service only asks and looks. */
export const takeSnapshot = defineWorkflow<Services>({
  operation: OPERATION_KINDS.takeSnapshot,
  pageOperatorAfter: minutes(45),
  steps: [
    action(confirmSnapshotCanBeTaken),
    action(startSnapshot, { retry: SERVER_RETRY }),
    condition(snapshotIsVerified, SNAPSHOT_PATIENCE),
  ],
});
