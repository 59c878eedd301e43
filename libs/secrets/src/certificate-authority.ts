import 'reflect-metadata';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { SecretValue } from '@managed-consul/config';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Clocks of machines differ a little; a certificate must be valid the moment it arrives. */
const BACKDATE_MS = 5 * 60_000;

/** A certificate authority as it is kept: the certificate is public, the key is not. */
export interface CertificateAuthority {
  readonly certificatePem: string;
  readonly keyPem: SecretValue;
}

/** An issued certificate and what is worth recording of it. */
export interface IssuedCertificate {
  readonly pem: string;
  /** Lower-case hex, 128 random bits. */
  readonly serial: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export type SubjectAlternativeName = { type: 'dns' | 'ip' | 'url'; value: string };

/** A certificate request is not one, or does not prove that its sender holds the key. The message may be shown to the sender. */
export class CertificateRequestError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CertificateRequestError';
  }
}

/**
 * Makes an ECDSA P-256 authority that signs itself. It may sign no further authorities, or, with `signsSuccessor`, one that
 * takes its place. `now` is the start of its life.
 */
export async function createCertificateAuthority(options: {
  commonName: string;
  now: Date;
  lifetimeMs: number;
  signsSuccessor?: boolean;
}): Promise<CertificateAuthority & { readonly issued: IssuedCertificate }> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const subject = `CN=${options.commonName}, O=Managed Consul`;
  const life = lifeFrom(options.now, options.lifetimeMs);
  const serial = newSerial();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name: subject,
    ...life,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, options.signsSuccessor ? 1 : 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = certificate.toString('pem');
  const keyPem = await exportKey(keys.privateKey);
  return { certificatePem: `${pem}\n`, keyPem, issued: { pem: `${pem}\n`, serial, subject, ...life } };
}

/** Whether an authority was made so that it may sign the one that takes its place. */
export function maySignSuccessor(certificatePem: string): boolean {
  const constraints = new x509.X509Certificate(certificatePem).getExtension(x509.BasicConstraintsExtension);
  return constraints?.ca === true && (constraints.pathLength === undefined || constraints.pathLength > 0);
}

/**
 * Certificate of the authority `successorPem`, signed by the one before it: shown behind a certificate of the successor, it
 * leads whoever trusts only the old authority to the new one. Valid until the first of the two ends.
 */
export async function signSuccessor(authority: CertificateAuthority, successorPem: string): Promise<IssuedCertificate> {
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const successor = new x509.X509Certificate(successorPem);
  const { notBefore } = successor;
  const notAfter = new Date(Math.min(successor.notAfter.getTime(), issuer.notAfter.getTime()));
  const serial = newSerial();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: successor.subject,
    issuer: issuer.subject,
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: successor.publicKey,
    signingKey: await importKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(successor.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { pem: `${certificate.toString('pem')}\n`, serial, subject: successor.subject, notBefore, notAfter };
}

/** What a certificate is for; the names come from here and never from the request. */
export interface IssueOptions {
  certificateRequestPem: string;
  subject: string;
  names: readonly SubjectAlternativeName[];
  usages: readonly ('server' | 'client')[];
  now: Date;
  lifetimeMs: number;
}

/**
 * Signs the key of a certificate request. Of the request only the key is used, after its proof of possession was checked.
 * Throws `CertificateRequestError`.
 */
export async function issueCertificate(authority: CertificateAuthority, options: IssueOptions): Promise<IssuedCertificate> {
  const publicKey = await readCertificateRequest(options.certificateRequestPem);
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const life = lifeFrom(options.now, options.lifetimeMs);
  const serial = newSerial();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: options.subject,
    issuer: issuer.subject,
    ...life,
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: await importKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(options.usages.map((usage) => x509.ExtendedKeyUsage[USAGE_NAMES[usage]])),
      new x509.SubjectAlternativeNameExtension([...options.names]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { pem: `${certificate.toString('pem')}\n`, serial, subject: options.subject, ...life };
}

const USAGE_NAMES = { server: 'serverAuth', client: 'clientAuth' } as const;

async function readCertificateRequest(pem: string): Promise<x509.PublicKey> {
  let request: x509.Pkcs10CertificateRequest;
  let proven: boolean;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
    proven = await request.verify();
  } catch (cause) {
    throw new CertificateRequestError('The certificate request is not a PKCS#10 request in PEM.', cause);
  }
  if (!proven) throw new CertificateRequestError('The certificate request is not signed with the key that it holds.');
  const { name, namedCurve } = request.publicKey.algorithm as { name?: string; namedCurve?: string };
  if (name !== 'ECDSA' || namedCurve !== 'P-256') throw new CertificateRequestError('The key must be ECDSA on the curve P-256.');
  return request.publicKey;
}

/** RFC 5280 4.1.2.2: positive and at most 20 octets; a leading 0 bit keeps it positive. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('hex');
}

/** Certificates count whole seconds. */
function lifeFrom(now: Date, lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  const start = Math.floor(now.getTime() / 1000) * 1000;
  return { notBefore: new Date(start - BACKDATE_MS), notAfter: new Date(start + lifetimeMs) };
}

async function exportKey(key: CryptoKey): Promise<SecretValue> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  return new SecretValue(
    createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString(),
  );
}

async function importKey(pem: SecretValue): Promise<CryptoKey> {
  const der = createPrivateKey(pem.reveal()).export({ format: 'der', type: 'pkcs8' });
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
