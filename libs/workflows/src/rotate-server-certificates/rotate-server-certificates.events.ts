import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const rotateServerCertificatesEvents: OperationEvents = {
  operation: OPERATION_KINDS.rotateServerCertificates,
  name: 'ServerCertificatesRotation',
  started: "The service has begun to renew the servers' certificates.",
  Succeeded: 'Every server shows a new certificate with a new key. Clients need nothing new.',
  Failed: 'Not every server has a new certificate; the cluster works on. Ask for it again when the reason is gone.',
  Canceled: "Renewing the servers' certificates was stopped; the cluster works on.",
};
