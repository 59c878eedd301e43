import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { openFrontDoor } from './front-door.steps';
import {
  confirmPlaceIsGranted,
  markPlace,
  placeIsProvisioned,
  recordInstallation,
  requestFirstCluster,
} from './registration.steps';

/** A place for clusters: a managed application that Azure has set up, or a resource group that its owner has tagged. */
export const registerInstallation = defineWorkflow<Services>({
  operation: OPERATION_KINDS.registerInstallation,
  pageOperatorAfter: minutes(90),
  steps: [
    condition(placeIsProvisioned, { within: minutes(60), orFail: 'Azure did not finish setting up the managed application.' }),
    action(confirmPlaceIsGranted),
    action(markPlace),
    action(recordInstallation),
    action(openFrontDoor),
    action(requestFirstCluster),
  ],
});
