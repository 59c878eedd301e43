import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { PUBLIC_NAMES } from './public-names';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const TEN_YEARS_MILLISECONDS = 10 * 365 * 24 * 3_600_000;
const RENEW_BEFORE_MILLISECONDS = 24 * 3_600_000;
const USUAL_NAMES = ['localhost', '127.0.0.1', '::1', ...PUBLIC_NAMES];

/** PEM texts of the listener's certificate and of the authority that signed it. */
export interface ServerCertificate {
  readonly caFile: string;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: CryptoKeyPair;
}

const toPem = (key: ArrayBuffer): string => x509.PemConverter.encode(key, 'PRIVATE KEY');

async function readAuthority(folder: string): Promise<Authority | undefined> {
  let certificatePem: string;
  let keyPem: string;
  try {
    certificatePem = readFileSync(join(folder, 'ca.pem'), 'utf8');
    keyPem = readFileSync(join(folder, 'ca-key.pem'), 'utf8');
  } catch {
    return undefined;
  }
  const certificate = new x509.X509Certificate(certificatePem);
  if (certificate.notAfter.getTime() - Date.now() < RENEW_BEFORE_MILLISECONDS) return undefined;
  const key = x509.PemConverter.decodeFirst(keyPem);
  const privateKey = await crypto.subtle.importKey('pkcs8', key, ALGORITHM, true, ['sign']);
  const publicKey = await certificate.publicKey.export(ALGORITHM, ['verify']);
  return { certificate, keys: { privateKey, publicKey } };
}

async function makeAuthority(folder: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Azure emulator authority',
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + TEN_YEARS_MILLISECONDS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  writeFileSync(join(folder, 'ca-key.pem'), toPem(await crypto.subtle.exportKey('pkcs8', keys.privateKey)), { mode: 0o600 });
  writeFileSync(join(folder, 'ca.pem'), certificate.toString('pem'));
  return { certificate, keys };
}

/**
 * The listener's certificate, freshly signed at every start by the authority that the first start makes in `stateFolder`, so
 * that names can be added without anybody having to trust a new authority.
 */
export async function prepareServerCertificate(stateFolder: string, extraNames: readonly string[]): Promise<ServerCertificate> {
  const folder = join(stateFolder, 'tls');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const authority = (await readAuthority(folder)) ?? (await makeAuthority(folder));
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const names = [...new Set([...USUAL_NAMES, ...extraNames])];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=Azure emulator',
    issuer: authority.certificate.subject,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: authority.certificate.notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) ? ('ip' as const) : ('dns' as const), value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
    ],
  });
  return {
    caFile: join(folder, 'ca.pem'),
    caPem: authority.certificate.toString('pem'),
    certificatePem: certificate.toString('pem'),
    keyPem: toPem(await crypto.subtle.exportKey('pkcs8', keys.privateKey)),
  };
}
