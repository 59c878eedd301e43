import 'reflect-metadata';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { hours, minutes } from '@managed-consul/config';
import * as x509 from '@peculiar/x509';
import { beforeAll, expect, test } from 'vitest';
import { CertificateRequestError, createCertificateAuthority, type CertificateAuthority } from './certificate-authority';
import { issueClientCertificate, issueConsulServerCertificate, namesAddress } from './certificates';

const now = new Date('2026-03-01T12:00:00Z');
let authority: CertificateAuthority;
let caCertificate: X509Certificate;

beforeAll(async () => {
  authority = await createCertificateAuthority({ commonName: 'Cluster CA', now, lifetimeMs: hours(24 * 365) });
  caCertificate = new X509Certificate(authority.certificatePem);
});

type Keys = Parameters<typeof x509.Pkcs10CertificateRequestGenerator.create>[0]['keys'];

async function requestWith(algorithm: { name: string } & Record<string, unknown>): Promise<{ pem: string; keys: Keys }> {
  const keys = await crypto.subtle.generateKey(algorithm as unknown as EcKeyGenParams, true, ['sign', 'verify']);
  const name = 'CN=server.evil.consul';
  const extensions = [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'server.evil.consul' }])];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions,
  });
  return { pem: request.toString('pem'), keys };
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const serverCertificate = (certificateRequestPem: string) =>
  issueConsulServerCertificate(authority, {
    certificateRequestPem,
    datacenter: 'dc1',
    nodeName: 'c1-s0',
    addresses: ['10.0.0.4'],
    now,
    lifetimeMs: hours(24),
  });

test('an authority may sign certificates and no further authorities', () => {
  expect(caCertificate.ca).toBe(true);
  expect(caCertificate.verify(caCertificate.publicKey)).toBe(true);
  const constraints = new x509.X509Certificate(authority.certificatePem).getExtension(x509.BasicConstraintsExtension);
  expect([constraints?.pathLength, constraints?.critical]).toEqual([0, true]);
});

test('a Consul server certificate carries the names that Consul asks for and none of those that were asked of us', async () => {
  const { pem } = await requestWith(P256);
  const certificate = new X509Certificate((await serverCertificate(pem)).pem);
  expect(certificate.checkIssued(caCertificate) && certificate.verify(caCertificate.publicKey)).toBe(true);
  for (const host of ['server.dc1.consul', 'c1-s0.server.dc1.consul', 'localhost'])
    expect(certificate.checkHost(host)).toBe(host);
  for (const ip of ['10.0.0.4', '127.0.0.1']) expect(certificate.checkIP(ip)).toBe(ip);
  expect(certificate.checkHost('server.evil.consul')).toBeUndefined();
  expect(certificate.subject).toBe('CN=server.dc1.consul');
  expect(certificate.ca).toBe(false);
  // serverAuth and clientAuth (RFC 5280 4.2.1.12).
  expect(certificate.keyUsage.toSorted()).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
});

test('a certificate is valid a few minutes back, for a clock that is behind, and ends when it was said', async () => {
  const { pem } = await requestWith(P256);
  const issued = await serverCertificate(pem);
  const certificate = new X509Certificate(issued.pem);
  expect(new Date(certificate.validFrom)).toEqual(new Date(now.getTime() - minutes(5)));
  expect(new Date(certificate.validTo)).toEqual(new Date(now.getTime() + hours(24)));
  expect(certificate.serialNumber.toLowerCase()).toBe(issued.serial);
});

test('no serial comes twice', async () => {
  const { pem } = await requestWith(P256);
  const issued = await Promise.all(Array.from({ length: 20 }, () => serverCertificate(pem)));
  expect(new Set(issued.map(({ serial }) => serial)).size).toBe(20);
});

test('a client certificate says who the client is by a URI and serves no server', async () => {
  const { pem } = await requestWith(P256);
  const identityUri = 'urn:managed-consul:agent:c:m';
  const issued = await issueClientCertificate(authority, {
    certificateRequestPem: pem,
    identityUri,
    commonName: 'm',
    now,
    lifetimeMs: hours(24),
  });
  const certificate = new X509Certificate(issued.pem);
  expect(certificate.subjectAltName).toBe(`URI:${identityUri}`);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});

test.each([
  [
    'for an RSA key',
    async () =>
      (
        await requestWith({
          name: 'RSASSA-PKCS1-v1_5',
          hash: 'SHA-256',
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
        })
      ).pem,
  ],
  ['for another curve', async () => (await requestWith({ ...P256, namedCurve: 'P-384' })).pem],
  ['that is none', () => Promise.resolve('hello')],
  [
    'that is a key',
    () =>
      Promise.resolve(
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      ),
  ],
  [
    'that another key has signed',
    async () => {
      const der = Buffer.from(x509.PemConverter.decodeFirst((await requestWith(P256)).pem));
      der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
      return x509.PemConverter.encode(der, 'CERTIFICATE REQUEST');
    },
  ],
])('refuses a request %s', async (_what, make) => {
  await expect(serverCertificate(await make())).rejects.toThrow(CertificateRequestError);
});

test('a certificate is of use at the addresses that it was made for and at no other, whatever stands behind it', async () => {
  const { pem } = await requestWith(P256);
  const issued = await serverCertificate(pem);
  const withChain = `${issued.pem}${authority.certificatePem}`;
  expect(namesAddress(withChain, '10.0.0.4')).toBe(true);
  // Another address that it begins with, and one that the server has moved to.
  for (const address of ['10.0.0.40', '10.0.0.5']) expect(namesAddress(withChain, address)).toBe(false);
});
