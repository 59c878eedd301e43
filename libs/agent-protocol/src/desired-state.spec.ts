import { expect, test } from 'vitest';
import { desiredStateIsIntact, sealDesiredState } from './desired-state';
import type { DesiredStateFields } from './messages.schema';

const fields: DesiredStateFields = {
  serverName: 'c1-s0',
  datacenter: 'dc1',
  running: true,
  consul: { version: '1.8.7', sha256: { 'linux-amd64': 'a'.repeat(64) } },
  configuration: { ports: { https: 8501, http: -1 }, server: true },
  caCertificate: '-----BEGIN CERTIFICATE-----',
  serverCertificate: '-----BEGIN CERTIFICATE-----',
};

test('the hash does not depend on the order of keys', () => {
  const reordered = { ...fields, configuration: { server: true, ports: { http: -1, https: 8501 } } };
  expect(sealDesiredState(reordered).hash).toBe(sealDesiredState(fields).hash);
});

test('a changed field breaks the seal', () => {
  const sealed = sealDesiredState(fields);
  expect(desiredStateIsIntact(sealed)).toBe(true);
  expect(desiredStateIsIntact({ ...sealed, running: false })).toBe(false);
  expect(desiredStateIsIntact({ ...sealed, configuration: { ...fields.configuration, server: false } })).toBe(false);
});
