import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const rotateCertificateAuthorityEvents: OperationEvents = {
  operation: OPERATION_KINDS.rotateCertificateAuthority,
  name: 'CertificateAuthorityRotation',
  started: "The service has begun to renew the cluster's certificate authority.",
  Succeeded:
    'The cluster has a new certificate authority. Fetch the new client bundle: clients with the one before work on until the authority is renewed again.',
  Failed: 'The certificate authority could not be renewed; the cluster works on. Ask for it again when the reason is gone.',
  Canceled: 'Renewing the certificate authority was stopped; the cluster works on.',
  milestones: {
    putNextAuthorityInForce: {
      type: 'CertificateAuthorityInForce',
      message: 'Every server trusts the new authority, which signs from now on. Client bundles name both.',
    },
  },
};
