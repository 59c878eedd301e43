import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const rotateConnectAuthorityEvents: OperationEvents = {
  operation: OPERATION_KINDS.rotateConnectAuthority,
  name: 'ConnectAuthorityRotation',
  started: 'The service has begun to renew the certificate authority of the service mesh.',
  Succeeded:
    'The mesh has a new certificate authority. Proxies change their certificates by themselves; Consul drops the authority before when none uses it any more.',
  Failed: 'The authority of the mesh could not be renewed; the mesh works on. Ask for it again when the reason is gone.',
  Canceled: 'Renewing the authority of the mesh was stopped; the mesh works on.',
};
