import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { freePort } from '../../tools/processes/free-port';
import { loadLocalSettings } from './local-settings';
import { checkPlatform, checkPortsAndAddresses } from './preflight';

const SETTINGS = { HCS_MACHINE_ADDRESSES: '127.211.0.0/16' };

it('names the port in use, whose it is, and the setting that moves it', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const settings = loadLocalSettings('/nowhere', { ...SETTINGS, HCS_PORT_BASE: String(port - 80) });
  await expect(checkPortsAndAddresses(settings)).rejects.toThrow(
    `Port ${port} (api) is in use by another process; set HCS_PORT_BASE`,
  );
  server.close();
});

it('names an address block in which Consul servers of another copy run', async () => {
  const server = createServer().listen(8301, '127.211.0.9');
  await once(server, 'listening');
  const settings = loadLocalSettings('/nowhere', { ...SETTINGS, HCS_PORT_BASE: '47000' });
  await expect(checkPortsAndAddresses(settings)).rejects.toThrow(/in 127\.211\.0\.0\/16; set HCS_MACHINE_ADDRESSES/);
  server.close();
});

it('says in one line which platforms are supported', () => {
  expect(() => checkPlatform('darwin', 'arm64')).toThrow('./hcs up runs on Linux on x64 and arm64; this is darwin on arm64.');
});
