import { CERTIFICATE_PURPOSES, SECRET_PURPOSES, secretOwnerOf, TRUSTED_AUTHORITIES } from '@managed-consul/clusters';
import { hours, type SecretValue } from '@managed-consul/config';
import type { Database, Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { CertificateAuthority } from '@managed-consul/secrets';
import type { Services } from '../services';

const DAY = hours(24);

/** Consul's own default for a built-in authority is ten years as well. */
export const AUTHORITY_LIFETIME = 3650 * DAY;
export const SERVER_CERTIFICATE_LIFETIME = 365 * DAY;

/** Secret of the token that a server's own agent works with. */
export const agentTokenPurpose = (vmId: string): string => `agent-token/${vmId}`;

/** Under which purpose a server's certificates are recorded; the newest is in force. */
export const serverCertificatePurpose = (vmId: string): string => `server/${vmId}`;

const noCertificate = (what: string): TerminalError =>
  new TerminalError(
    'InternalError',
    'The operation cannot go on because of a mistake of the service.',
    new Error(`There is no ${what}.`),
  );

async function newestCertificate(database: Database, clusterId: string, purpose: string) {
  const owner = secretOwnerOf(clusterId);
  return database.prisma.certificate.findFirst({ where: { owner, purpose }, orderBy: [{ notBefore: 'desc' }, { id: 'desc' }] });
}

/** PEM of every authority that the servers trust: more than one while the authority is being rotated. */
export async function trustedAuthorities({ database, cluster }: Pick<Services, 'database' | 'cluster'>): Promise<string> {
  const purpose = { in: [...TRUSTED_AUTHORITIES] };
  const where = { owner: secretOwnerOf(cluster.id), purpose };
  const found = await database.prisma.certificate.findMany({ where, orderBy: { id: 'asc' } });
  if (found.length === 0) throw noCertificate('authority');
  return found.map(({ pem }) => pem).join('');
}

/** An authority with what a server shows behind its own certificate, for clients that trust only the authority before. */
export interface SigningAuthority extends CertificateAuthority {
  readonly chainPem: string;
}

/** The cluster's authority, ready to sign. */
export async function certificateAuthority({
  database,
  cluster,
  secrets,
}: Pick<Services, 'database' | 'cluster' | 'secrets'>): Promise<SigningAuthority> {
  const [authority, crossSigned, keyPem] = await Promise.all([
    newestCertificate(database, cluster.id, CERTIFICATE_PURPOSES.certificateAuthority),
    newestCertificate(database, cluster.id, CERTIFICATE_PURPOSES.crossSignedAuthority),
    secrets.get(secretOwnerOf(cluster.id), SECRET_PURPOSES.certificateAuthorityKey),
  ]);
  if (!authority) throw noCertificate('authority');
  return { certificatePem: authority.pem, keyPem, chainPem: crossSigned?.pem ?? '' };
}

/** PEM of a server's certificate that is good for at least another day; undefined when it needs one. */
export async function findServerCertificate(
  { database, cluster }: Pick<Services, 'database' | 'cluster'>,
  server: Server,
  now: Date,
): Promise<string | undefined> {
  const found = await newestCertificate(database, cluster.id, serverCertificatePurpose(server.vmId));
  return found && found.notAfter.getTime() - now.getTime() > DAY ? found.pem : undefined;
}

export const agentToken = ({ secrets, cluster }: Pick<Services, 'secrets' | 'cluster'>, server: Server): Promise<SecretValue> =>
  secrets.get(secretOwnerOf(cluster.id), agentTokenPurpose(server.vmId));
