import { secretOwnerOf } from '@managed-consul/clusters';
import type { Server, Transaction } from '@managed-consul/database';
import {
  issueConsulServerCertificate,
  recordCertificate,
  type CertificateAuthority,
  type IssuedCertificate,
} from '@managed-consul/secrets';
import type { ClusterRecord, Step } from '../services';
import { SERVER_CERTIFICATE_LIFETIME, serverCertificatePurpose } from './server-secrets';

const addressIn = (url: string | null): string[] => (url ? [new URL(url).hostname] : []);

/** A certificate for a server. The machine makes its own key and keeps it; only the request comes here. */
export async function issueServerCertificate(
  step: Step,
  authority: CertificateAuthority,
  server: Server,
): Promise<IssuedCertificate> {
  const { cluster, agents, clock, signal } = step;
  const agent = await agents.find(cluster.id, server.vmId);
  const request = { datacenter: cluster.datacenter, nodeName: server.name, address: server.address };
  const { certificateRequest } = await agent.requestServerCertificate(request, signal);
  return issueConsulServerCertificate(authority, {
    certificateRequestPem: certificateRequest,
    datacenter: cluster.datacenter,
    nodeName: server.name,
    addresses: [server.address, ...addressIn(cluster.privateEndpointUrl), ...addressIn(cluster.publicEndpointUrl)],
    now: clock.now(),
    lifetimeMs: SERVER_CERTIFICATE_LIFETIME,
  });
}

/** From then on it is the server's certificate in force. */
export const recordServerCertificate = (
  tx: Transaction,
  cluster: Pick<ClusterRecord, 'id'>,
  server: Pick<Server, 'vmId'>,
  certificate: IssuedCertificate,
): Promise<void> => recordCertificate(tx, secretOwnerOf(cluster.id), serverCertificatePurpose(server.vmId), certificate);
