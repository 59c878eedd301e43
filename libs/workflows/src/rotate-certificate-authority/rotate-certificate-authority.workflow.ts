import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import {
  issueNewCertificate,
  serversForNewCertificates,
  serverShowsNewCertificate,
  tellServerNewCertificate,
} from '../rotate-server-certificates/server-certificates.steps';
import { SERVER_RETRY } from '../shared-steps/delays';
import { confirmClusterCanBeRenewed, everyServerTakesPart } from '../shared-steps/renewal.steps';
import {
  dropPreviousAuthority,
  ensureNextAuthority,
  putNextAuthorityInForce,
  serversToTrustBoth,
  serversToTrustOnlyNew,
  serverTrustsBoth,
  serverTrustsOnlyNew,
  tellServerToTrustBoth,
  tellServerToTrustOnlyNew,
} from './certificate-authority.steps';

/** Everybody trusts the new authority before it signs, and it has signed for everybody before the old one goes. */
export const rotateCertificateAuthority = defineWorkflow<Services>({
  operation: OPERATION_KINDS.rotateCertificateAuthority,
  pageOperatorAfter: minutes(30),
  steps: [
    action(confirmClusterCanBeRenewed),
    condition(everyServerTakesPart, {
      within: minutes(10),
      orFail: 'The servers were not all healthy, so nothing was renewed.',
    }),
    action(ensureNextAuthority),
    forEachServer(serversToTrustBoth, [
      action(tellServerToTrustBoth, { retry: SERVER_RETRY }),
      condition(serverTrustsBoth, { within: minutes(10), orFail: 'A server did not take over the new authority.' }),
    ]),
    action(putNextAuthorityInForce),
    forEachServer(serversForNewCertificates, [
      action(issueNewCertificate, { retry: SERVER_RETRY }),
      action(tellServerNewCertificate, { retry: SERVER_RETRY }),
      condition(serverShowsNewCertificate, { within: minutes(10), orFail: 'A server did not show its new certificate.' }),
    ]),
    action(dropPreviousAuthority),
    forEachServer(serversToTrustOnlyNew, [
      action(tellServerToTrustOnlyNew, { retry: SERVER_RETRY }),
      condition(serverTrustsOnlyNew, { within: minutes(10), orFail: 'A server did not drop the previous authority.' }),
    ]),
  ],
});
