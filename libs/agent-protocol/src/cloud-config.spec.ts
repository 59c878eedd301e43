import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderCloudConfig } from './cloud-config';
import { START_AGENT_PROGRAM } from './start-agent-program';

const CA = '-----BEGIN CERTIFICATE-----\nAAAA\nBBBB==\n-----END CERTIFICATE-----\n';
const input = {
  gatewayUrl: 'https://127.0.0.1:18443',
  gatewayAudience: 'api://managed-consul-gateway',
  gatewayCaPem: CA,
  bundleSha256: createHash('sha256').update('bundle').digest('hex'),
};

interface CloudConfig {
  write_files: { path: string; content: string; permissions: string }[];
  runcmd: string[][];
  users: unknown[];
}

test('a machine gets its files byte for byte and starts the unit', () => {
  const text = renderCloudConfig(input);
  expect(text.startsWith('#cloud-config\n')).toBe(true);
  const config = parse(text) as CloudConfig;
  const contents = new Map(config.write_files.map((file) => [file.path, file.content]));
  expect(contents.get('/etc/managed-consul/gateway-ca.pem')).toBe(CA);
  expect(contents.get('/usr/local/lib/managed-consul/start-agent.mjs')).toBe(START_AGENT_PROGRAM);
  expect(JSON.parse(contents.get('/etc/managed-consul/agent.json') ?? '')).toEqual({
    gatewayUrl: input.gatewayUrl,
    gatewayAudience: input.gatewayAudience,
    bundleSha256: input.bundleSha256,
  });
  expect(contents.get('/etc/systemd/system/managed-consul-agent.service')).toMatch(/^User=consul$/m);
  expect(config.runcmd.at(-1)).toEqual(['systemctl', 'enable', '--now', 'managed-consul-agent.service']);
});

test.each([
  ['a hash that is none', { ...input, bundleSha256: 'abc' }],
  ['a gateway that is no URL', { ...input, gatewayUrl: 'gateway' }],
  ['a CA with something else in it', { ...input, gatewayCaPem: `${CA}- path: /etc/shadow\n` }],
])('refuses %s', (_what, bad) => {
  expect(() => renderCloudConfig(bad)).toThrow();
});
