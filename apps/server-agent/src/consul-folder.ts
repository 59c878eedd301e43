import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
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
  nodeId: 'data/node-id',
} as const;

const KEYS_FOLDER = 'tls/keys';
const FOLDERS = ['config', 'tls', KEYS_FOLDER, 'data', 'log', 'bin'] as const;

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

  /**
   * A request for a server key, which is made here the first time that its id is named and never leaves the machine. Without
   * an id it is the key in force. A key that is not in force yet waits beside it.
   */
  async certificateRequest(commonName: string, keyId?: string): Promise<string> {
    await this.prepare();
    const path = keyId === undefined ? this.at(CONSUL_PATHS.key) : this.#waitingKey(keyId);
    let key = await readFileIfThere(path);
    if (key === undefined) {
      key = newPrivateKey();
      await writeFileAtomically(path, key, 0o600);
    }
    return createCertificateRequest(createPrivateKey(key), commonName);
  }

  /** The key on this machine that the certificate belongs to. Throws `ApplyError` when there is none, or another authority signed. */
  async keyFor({ caCertificate, serverCertificate }: DesiredState): Promise<ServerKey> {
    const { authorities, certificate } = readCertificates(caCertificate, serverCertificate);
    if (!authorities.some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey))) {
      throw new ApplyError('CertificateInvalid', "The server certificate was not issued by the cluster's authority.");
    }
    const keys = await this.#keys();
    if (keys.length === 0)
      throw new ApplyError('CertificateInvalid', 'This machine has no server key yet; ask for a certificate request first.');
    const key = keys.find(({ pem }) => certificate.checkPrivateKey(createPrivateKey(pem)));
    if (!key) throw new ApplyError('CertificateInvalid', "The server certificate does not belong to this machine's key.");
    return key;
  }

  /** What this server shows to the others of its cluster. */
  async readCredential(): Promise<{ ca: string; certificate: string; key: string }> {
    const [ca, certificate, key] = await Promise.all(
      [CONSUL_PATHS.ca, CONSUL_PATHS.certificate, CONSUL_PATHS.key].map((name) => readFile(this.at(name), 'utf8')),
    );
    return { ca, certificate, key } as { ca: string; certificate: string; key: string };
  }

  /** By which Raft knows this server; undefined before Consul's first start. */
  async readNodeId(): Promise<string | undefined> {
    return (await readFileIfThere(this.at(CONSUL_PATHS.nodeId)))?.trim() || undefined;
  }

  async writeCandidate(desired: DesiredState): Promise<void> {
    await writeFileAtomically(this.at(CONSUL_PATHS.candidate), renderConfiguration(desired), 0o600);
  }

  /**
   * Puts key, certificates and configuration in place; keys that waited for nothing are gone then. Running it again changes
   * nothing. After a crash half way the agent first finishes this and only then starts Consul.
   */
  async install(desired: DesiredState, key: ServerKey): Promise<void> {
    await writeFileAtomically(this.at(CONSUL_PATHS.ca), desired.caCertificate, 0o600);
    await writeFileAtomically(this.at(CONSUL_PATHS.key), key.pem, 0o600);
    await writeFileAtomically(this.at(CONSUL_PATHS.certificate), desired.serverCertificate, 0o600);
    await writeFileAtomically(this.at(CONSUL_PATHS.configuration), renderConfiguration(desired), 0o600);
    if (key.waitedAs !== undefined) await this.#removeKeysBut(key.waitedAs);
  }

  #waitingKey(keyId: string): string {
    return this.at(join(KEYS_FOLDER, `${keyId}.pem`));
  }

  /** The keys that wait come first: once in force, a key still answers to its id. */
  async #keys(): Promise<ServerKey[]> {
    const keys: ServerKey[] = [];
    for (const name of await readdir(this.at(KEYS_FOLDER))) {
      if (name.endsWith('.pem')) keys.push({ pem: await readFile(this.at(join(KEYS_FOLDER, name)), 'utf8'), waitedAs: name });
    }
    const inForce = await readFileIfThere(this.at(CONSUL_PATHS.key));
    return inForce === undefined ? keys : [...keys, { pem: inForce }];
  }

  async #removeKeysBut(kept: string): Promise<void> {
    for (const name of await readdir(this.at(KEYS_FOLDER))) {
      if (name !== kept) await rm(this.at(join(KEYS_FOLDER, name)), { force: true });
    }
  }
}

/** A private key on this machine; `waitedAs` is its file among those with an id. */
export interface ServerKey {
  pem: string;
  waitedAs?: string;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function readCertificates(ca: string, certificate: string): { authorities: X509Certificate[]; certificate: X509Certificate } {
  try {
    // More than one while the authority is being replaced.
    const authorities = (ca.match(PEM_CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
    return { authorities, certificate: new X509Certificate(certificate) };
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
  // Once the keyring file is there it rules; keys are changed through Consul's keyring.
  'encrypt',
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
