import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';
import { foldersOf, makeFolders } from './folders';
import { loadLocalSettings } from './local-settings';
import { writeState, type ComponentState } from './state-file';
import { readStatus } from './status';

let stateFolder: string;

beforeEach(() => {
  stateFolder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-status-'));
  makeFolders(stateFolder);
});
afterEach(() => {
  rmSync(foldersOf(stateFolder).runtime, { recursive: true, force: true });
  rmSync(stateFolder, { recursive: true, force: true });
});

const component = (name: string, port: number, otherPorts: Record<string, number> = {}): ComponentState => ({
  name,
  process: null,
  stopSignal: 'SIGTERM',
  port,
  otherPorts,
  log: `/logs/${name}.log`,
  restarts: 0,
});

it('names every listener of what up started, with as many gateways as it started', () => {
  writeState(foldersOf(stateFolder).stateFile, {
    state: 'stopped',
    supervisor: { pid: 1, startedAt: 'of a dead up' },
    components: [
      component('azure-emulator', 20500, { proxy: 20501, blobs: 20100, instanceMetadata: 20580 }),
      component('gateway-1', 20450, { internal: 20451 }),
      component('gateway-2', 20452, { internal: 20453 }),
    ],
    installationId: null,
    cluster: null,
    place: { portBase: 20000, machineAddresses: '127.33.0.0/16' },
  });
  const status = readStatus(loadLocalSettings('/clone', { HCS_STATE_FOLDER: stateFolder }));
  expect(status).toMatchObject({
    api: { url: 'http://127.0.0.1:20080' },
    worker: { url: 'http://127.0.0.1:20081' },
    gateway: { url: 'https://127.0.0.1:20443' },
    gateways: [
      { name: 'gateway-1', url: 'https://127.0.0.1:20450', internalUrl: 'http://127.0.0.1:20451' },
      { name: 'gateway-2', url: 'https://127.0.0.1:20452', internalUrl: 'http://127.0.0.1:20453' },
    ],
    azure: { endpoint: 'https://127.0.0.1:20500', proxy: 'http://127.0.0.1:20501' },
    blobStorage: { url: 'https://127.0.0.1:20100' },
    instanceMetadata: { port: 20580 },
  });
  expect(status?.components[0]).toMatchObject({ name: 'azure-emulator', otherPorts: { blobs: 20100, instanceMetadata: 20580 } });
});

it('knows of nothing where up has never run', () => {
  expect(readStatus(loadLocalSettings('/clone', { HCS_STATE_FOLDER: stateFolder }))).toBeUndefined();
});
