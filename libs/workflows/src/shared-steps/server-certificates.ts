import { secretOwnerOf } from '@managed-consul/clusters';
import type { Server, Transaction } from '@managed-consul/database';
import { issueConsulServerCertificate, recordCertificate, type IssuedCertificate } from '@managed-consul/secrets';
import type { ClusterRecord, Step } from '../services';
import { SERVER_CERTIFICATE_LIFETIME, serverCertificatePurpose, type SigningAuthority } from './server-secrets';

const addressIn = (url: string | null): string[] => (url ? [new URL(url).hostname] : []);

/**
 * A certificate for a server, with what leads to the authority before behind it. The machine makes its own key and keeps it;
 * only the request comes here. Each `keyId` is another key; without one it is the key in force.
 */
export async function issueServerCertificate(
  step: Step,
  authority: SigningAuthority,
  server: Server,
  keyId?: string,
): Promise<IssuedCertificate> {
  const { cluster, agents, clock, signal } = step;
  const agent = await agents.find(cluster.id, server.vmId);
  const request = { datacenter: cluster.datacenter, nodeName: server.name, address: server.address, ...(keyId ? { keyId } : {}) };
  const { certificateRequest } = await agent.requestServerCertificate(request, signal);
  const issued = await issueConsulServerCertificate(authority, {
    certificateRequestPem: certificateRequest,
    datacenter: cluster.datacenter,
    nodeName: server.name,
    addresses: [server.address, ...addressIn(cluster.privateEndpointUrl), ...addressIn(cluster.publicEndpointUrl)],
    now: clock.now(),
    lifetimeMs: SERVER_CERTIFICATE_LIFETIME,
  });
  return { ...issued, pem: `${issued.pem}${authority.chainPem}` };
}

/** From then on it is the server's certificate in force. */
export const recordServerCertificate = (
  tx: Transaction,
  cluster: Pick<ClusterRecord, 'id'>,
  server: Pick<Server, 'vmId'>,
  certificate: IssuedCertificate,
): Promise<void> => recordCertificate(tx, secretOwnerOf(cluster.id), serverCertificatePurpose(server.vmId), certificate);
