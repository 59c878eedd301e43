import { X509Certificate } from 'node:crypto';
import type { Transaction } from '@managed-consul/database';
import { issueCertificate, type CertificateAuthority, type IssuedCertificate } from './certificate-authority';
import type { SecretOwner } from './secret-store';

/** A Consul server for which a certificate is issued. */
export interface ConsulServerCertificate {
  certificateRequestPem: string;
  datacenter: string;
  nodeName: string;
  /** Every IP address at which the server is reached, its own first. */
  addresses: readonly string[];
  /** Further DNS names, e.g. that of a public endpoint. */
  dnsNames?: readonly string[];
  now: Date;
  lifetimeMs: number;
}

/**
 * Issues the certificate of a Consul server: `server.<dc>.consul` is what `verify_server_hostname` demands,
 * `<node>.server.<dc>.consul` what WAN federation over mesh gateways asks for. Consul uses it both ways, so it serves
 * as client certificate too. Throws `CertificateRequestError`.
 */
export function issueConsulServerCertificate(
  authority: CertificateAuthority,
  server: ConsulServerCertificate,
): Promise<IssuedCertificate> {
  const domain = `server.${server.datacenter}.consul`;
  const dnsNames = [domain, `${server.nodeName}.${domain}`, 'localhost', ...(server.dnsNames ?? [])];
  const addresses = new Set([...server.addresses, '127.0.0.1']);
  return issueCertificate(authority, {
    certificateRequestPem: server.certificateRequestPem,
    subject: `CN=${domain}`,
    names: [
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...[...addresses].map((value) => ({ type: 'ip' as const, value })),
    ],
    usages: ['server', 'client'],
    now: server.now,
    lifetimeMs: server.lifetimeMs,
  });
}

/** Whether a certificate (PEM; what stands behind it does not count) was issued for an IP address: one that moves needs another. */
export const namesAddress = (pem: string, address: string): boolean => new X509Certificate(pem).checkIP(address) !== undefined;

/** Issues a client certificate that carries `identityUri` and nothing else that could be taken for a name. Throws `CertificateRequestError`. */
export function issueClientCertificate(
  authority: CertificateAuthority,
  client: { certificateRequestPem: string; identityUri: string; commonName: string; now: Date; lifetimeMs: number },
): Promise<IssuedCertificate> {
  return issueCertificate(authority, {
    certificateRequestPem: client.certificateRequestPem,
    subject: `CN=${client.commonName}`,
    names: [{ type: 'url', value: client.identityUri }],
    usages: ['client'],
    now: client.now,
    lifetimeMs: client.lifetimeMs,
  });
}

/** Records what is public of an issued certificate; recording the same one twice is fine. */
export async function recordCertificate(
  queries: Transaction,
  owner: SecretOwner,
  purpose: string,
  { serial, subject, notBefore, notAfter, pem }: IssuedCertificate,
): Promise<void> {
  await queries.certificate.createMany({
    data: [{ owner, purpose, serial, subject, notBefore, notAfter, pem }],
    skipDuplicates: true,
  });
}
