import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { hashOfJson, type DesiredState } from '@managed-consul/agent-protocol';
import { createCertificateRequest, newPrivateKey } from './certificate-request';
import { ensureFolder, readFileIfThere, writeFileAtomically } from './atomic-file';
import { ApplyError } from './apply-error';

/** Names inside Consul's folder; Consul runs in it, so these are also the paths that its configuration uses. */
export const CONSUL_PATHS = {
  configuration: 'config/server.json',
  candidate: 'config/candidate.json',
  ca: 'tls/ca.pem',
  certificate: 'tls/server.pem',
  key: 'tls/server-key.pem',
  log: 'log/consul.log',
} as const;

const FOLDERS = ['config', 'tls', 'data', 'log', 'bin'] as const;

/** Consul's files on the machine: folders 0700, files 0600, replaced whole. */
export class ConsulFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  async prepare(): Promise<void> {
    await ensureFolder(this.path, 0o700);
    for (const folder of FOLDERS) await ensureFolder(this.at(folder), 0o700);
  }

  /** A request for the server's key, which is made here the first time and never leaves the machine. */
  async certificateRequest(commonName: string): Promise<string> {
    await this.prepare();
    let key = await readFileIfThere(this.at(CONSUL_PATHS.key));
    if (key === undefined) {
      key = newPrivateKey();
      await writeFileAtomically(this.at(CONSUL_PATHS.key), key, 0o600);
    }
    return createCertificateRequest(createPrivateKey(key), commonName);
  }

  /** Throws `ApplyError` unless the certificate belongs to this machine's key and to the cluster's authority. */
  async checkCertificate({ caCertificate, serverCertificate }: DesiredState): Promise<void> {
    const key = await readFileIfThere(this.at(CONSUL_PATHS.key));
    if (key === undefined)
      throw new ApplyError('CertificateInvalid', 'This machine has no server key yet; ask for a certificate request first.');
    const [ca, certificate] = readCertificates(caCertificate, serverCertificate);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      throw new ApplyError('CertificateInvalid', "The server certificate does not belong to this machine's key.");
    }
    if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) {
      throw new ApplyError('CertificateInvalid', "The server certificate was not issued by the cluster's authority.");
    }
  }

  async writeCandidate(desired: DesiredState): Promise<void> {
    await writeFileAtomically(this.at(CONSUL_PATHS.candidate), renderConfiguration(desired), 0o600);
  }

  /** Puts certificates and configuration in place. Running it again changes nothing. */
  async install(desired: DesiredState): Promise<void> {
    await writeFileAtomically(this.at(CONSUL_PATHS.ca), desired.caCertificate, 0o600);
    await writeFileAtomically(this.at(CONSUL_PATHS.certificate), desired.serverCertificate, 0o600);
    await writeFileAtomically(this.at(CONSUL_PATHS.configuration), renderConfiguration(desired), 0o600);
  }
}

function readCertificates(ca: string, certificate: string): [X509Certificate, X509Certificate] {
  try {
    return [new X509Certificate(ca), new X509Certificate(certificate)];
  } catch (cause) {
    throw new ApplyError('CertificateInvalid', 'A certificate of the desired state cannot be read.', cause);
  }
}

const renderConfiguration = ({ configuration }: DesiredState): string => `${JSON.stringify(configuration, null, 2)}\n`;

/**
 * Keys that Consul takes up on SIGHUP or that matter only at its first start; all others need a restart.
 * https://developer.hashicorp.com/consul/docs/agent/config#reloadable-configuration
 */
const NO_RESTART_KEYS = new Set([
  'autopilot',
  'bootstrap_expect',
  'checks',
  'discard_check_output',
  'limits',
  'log_level',
  'node_meta',
  'retry_join',
  'retry_join_wan',
  'service',
  'services',
  'watches',
]);

/** Two hashes of a desired state: what Consul reads only when it starts, and everything that it has loaded. */
export interface LoadedHashes {
  restart: string;
  loaded: string;
}

export function hashesOf(desired: DesiredState, binarySha256: string): LoadedHashes {
  const fixed = Object.entries(desired.configuration).filter(([key]) => !NO_RESTART_KEYS.has(key));
  const withoutReloadableTokens = Object.fromEntries(
    fixed.map(([key, value]) => [key, key === 'acl' ? withoutTokens(value) : value]),
  );
  return {
    restart: hashOfJson([binarySha256, withoutReloadableTokens]),
    loaded: hashOfJson([binarySha256, desired.configuration, desired.caCertificate, desired.serverCertificate]),
  };
}

/** ACL tokens are reloaded. (The initial management token is looked at only by a leader that starts with empty data.) */
function withoutTokens(acl: unknown): unknown {
  if (typeof acl !== 'object' || acl === null) return acl;
  return Object.fromEntries(Object.entries(acl).filter(([key]) => key !== 'tokens'));
}
