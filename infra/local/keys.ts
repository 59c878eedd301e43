/** Key-encryption key of the control plane and the gateway's own authority and certificate, made once a state folder. */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { SecretValue } from '@managed-consul/config';
import { createCertificateAuthority, issueCertificate, type CertificateAuthority } from '@managed-consul/secrets';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;
const ONE_YEAR_MS = 365 * 24 * 3_600_000;

export interface LocalKeys {
  keyEncryptionKeyFile: string;
  gatewayCaFile: string;
  gatewayCertificateFile: string;
  gatewayKeyFile: string;
}

async function loadAuthority(certificateFile: string, keyFile: string): Promise<CertificateAuthority> {
  if (existsSync(keyFile)) {
    return { certificatePem: readFileSync(certificateFile, 'utf8'), keyPem: new SecretValue(readFileSync(keyFile, 'utf8')) };
  }
  const made = await createCertificateAuthority({
    commonName: 'Local gateway authority',
    now: new Date(),
    lifetimeMs: TEN_YEARS_MS,
  });
  writeFileSync(certificateFile, made.certificatePem);
  writeFileSync(keyFile, made.keyPem.reveal(), { mode: 0o600 });
  return made;
}

/** A certificate for 127.0.0.1, fresh at every start: it is never near its end. */
async function writeGatewayCertificate(authority: CertificateAuthority, certificateFile: string, keyFile: string): Promise<void> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=gateway', keys, signingAlgorithm: ALGORITHM });
  const issued = await issueCertificate(authority, {
    certificateRequestPem: request.toString('pem'),
    subject: 'CN=gateway',
    names: [
      { type: 'ip', value: '127.0.0.1' },
      { type: 'dns', value: 'localhost' },
    ],
    usages: ['server'],
    now: new Date(),
    lifetimeMs: ONE_YEAR_MS,
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(certificateFile, issued.pem);
}

/** Makes what is missing and names the files. */
export async function prepareKeys(secretsFolder: string): Promise<LocalKeys> {
  const keys: LocalKeys = {
    keyEncryptionKeyFile: join(secretsFolder, 'key-encryption.key'),
    gatewayCaFile: join(secretsFolder, 'gateway-ca.pem'),
    gatewayCertificateFile: join(secretsFolder, 'gateway.pem'),
    gatewayKeyFile: join(secretsFolder, 'gateway-key.pem'),
  };
  if (!existsSync(keys.keyEncryptionKeyFile)) {
    writeFileSync(keys.keyEncryptionKeyFile, randomBytes(32).toString('base64'), { mode: 0o600 });
  }
  const authority = await loadAuthority(keys.gatewayCaFile, join(secretsFolder, 'gateway-ca-key.pem'));
  await writeGatewayCertificate(authority, keys.gatewayCertificateFile, keys.gatewayKeyFile);
  return keys;
}
