import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { confirmClusterCanBeRenewed, everyServerTakesPart } from '../shared-steps/renewal.steps';
import {
  issueNewCertificate,
  serversForNewCertificates,
  serverShowsNewCertificate,
  tellServerNewCertificate,
} from './server-certificates.steps';

/** A new key and certificate for one server after the other, the leader last; none of them is restarted. */
export const rotateServerCertificates = defineWorkflow<Services>({
  operation: OPERATION_KINDS.rotateServerCertificates,
  pageOperatorAfter: minutes(30),
  steps: [
    action(confirmClusterCanBeRenewed),
    condition(everyServerTakesPart, {
      within: minutes(10),
      orFail: 'The servers were not all healthy, so nothing was renewed.',
    }),
    forEachServer(serversForNewCertificates, [
      action(issueNewCertificate, { retry: SERVER_RETRY }),
      action(tellServerNewCertificate, { retry: SERVER_RETRY }),
      condition(serverShowsNewCertificate, { within: minutes(10), orFail: 'A server did not show its new certificate.' }),
    ]),
  ],
});
