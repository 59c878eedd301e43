import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { confirmClusterCanBeRenewed, everyServerTakesPart } from '../shared-steps/renewal.steps';
import {
  confirmMeshAuthorityIsOurs,
  forgetMeshKeys,
  newMeshRootIsActive,
  newMeshRootSigns,
  startNewMeshRoot,
  storeNewMeshKey,
} from './connect-authority.steps';

/** Consul itself brings the new root in; the service sees that every server does, and that it signs. */
export const rotateConnectAuthority = defineWorkflow<Services>({
  operation: OPERATION_KINDS.rotateConnectAuthority,
  pageOperatorAfter: minutes(30),
  steps: [
    action(confirmClusterCanBeRenewed),
    condition(everyServerTakesPart, {
      within: minutes(10),
      orFail: 'The servers were not all healthy, so nothing was renewed.',
    }),
    action(confirmMeshAuthorityIsOurs, { retry: SERVER_RETRY }),
    action(storeNewMeshKey),
    action(startNewMeshRoot, { retry: SERVER_RETRY }),
    condition(newMeshRootIsActive, {
      within: minutes(10),
      orFail: 'The servers did not change to the new authority of the mesh.',
    }),
    condition(newMeshRootSigns, { within: minutes(10), orFail: 'The new authority of the mesh did not sign.' }),
    action(forgetMeshKeys),
  ],
});
