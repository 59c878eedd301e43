import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { hours } from '@managed-consul/config';
import * as x509 from '@peculiar/x509';
import { expect, test } from 'vitest';
import { createCertificateAuthority, maySignSuccessor, signSuccessor, type CertificateAuthority } from './certificate-authority';
import { issueConsulServerCertificate } from './certificates';

/** Handshakes look at the real time. */
const now = new Date();
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const authorityOf = (commonName: string) =>
  createCertificateAuthority({ commonName, now, lifetimeMs: hours(48), signsSuccessor: true });

interface Shown {
  key: string;
  cert: string;
}

/** What a server of `authority` shows, with `chain` behind its certificate. */
async function shownBy(authority: CertificateAuthority, chain: string): Promise<Shown> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=server', keys, signingAlgorithm: ALGORITHM });
  const server = { datacenter: 'dc1', nodeName: 's0', addresses: ['127.0.0.1'], now, lifetimeMs: hours(24) };
  const { pem } = await issueConsulServerCertificate(authority, { certificateRequestPem: request.toString('pem'), ...server });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key, cert: `${pem}${chain}` };
}

/** Whether a client that trusts `ca` and nothing else takes what the server shows, in a real handshake. */
async function isTrustedWith(ca: string, shown: Shown): Promise<boolean> {
  const server = createServer(shown, (socket) => socket.end()).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca, servername: 'server.dc1.consul' }, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.resume();
    });
  } finally {
    server.close();
  }
}

const withoutSuccessor = (commonName: string): Promise<CertificateAuthority> =>
  createCertificateAuthority({ commonName, now, lifetimeMs: hours(48) });

test('only an authority that was made for it may sign its successor', async () => {
  expect(maySignSuccessor((await authorityOf('First')).certificatePem)).toBe(true);
  expect(maySignSuccessor((await withoutSuccessor('Other')).certificatePem)).toBe(false);
});

test('a client that trusts the old authority takes a server of the new one, and a stranger does not', async () => {
  const [first, second, other] = await Promise.all([authorityOf('First'), authorityOf('Second'), authorityOf('Other')]);
  const { pem } = await signSuccessor(first, second.certificatePem);
  const server = await shownBy(second, pem);
  expect(await isTrustedWith(first.certificatePem, server)).toBe(true);
  expect(await isTrustedWith(second.certificatePem, server)).toBe(true);
  expect(await isTrustedWith(other.certificatePem, server)).toBe(false);
  expect(await isTrustedWith(first.certificatePem, await shownBy(second, ''))).toBe(false);
});

test('trust reaches one authority further and ends there', async () => {
  const [first, second, third] = await Promise.all([authorityOf('First'), authorityOf('Second'), authorityOf('Third')]);
  const { pem: toSecond } = await signSuccessor(first, second.certificatePem);
  const { pem: toThird } = await signSuccessor(second, third.certificatePem);
  const server = await shownBy(third, `${toThird}${toSecond}`);
  expect(await isTrustedWith(second.certificatePem, server)).toBe(true);
  expect(await isTrustedWith(first.certificatePem, server)).toBe(false);
});
