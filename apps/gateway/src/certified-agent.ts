import type { TLSSocket } from 'node:tls';
import { parseAgentIdentityUri } from '@managed-consul/agent-protocol';
import type { CertifiedAgent } from './tunnels';

/** Who is at the other end of a TLS connection by its client certificate, which the agents' authority must have signed; undefined for anybody else. */
export function certifiedAgentOf(socket: TLSSocket): CertifiedAgent | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const uris = certificate?.subjectAltName?.split(', ').filter((name) => name.startsWith('URI:')) ?? [];
  const identity = uris[0] === undefined || uris.length > 1 ? undefined : parseAgentIdentityUri(uris[0].slice('URI:'.length));
  if (!identity || !certificate) return undefined;
  const { validTo, serialNumber } = certificate;
  return { ...identity, certificateNotAfter: new Date(validTo), certificateSerial: serialNumber.toLowerCase() };
}
