import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadLocalSettings } from './local-settings';
import { writeState, type LocalState } from './state-file';

it('gives two copies with different bases no port in common', () => {
  const portsOf = (base: string) => {
    const { ports } = loadLocalSettings('/clone', { HCS_PORT_BASE: base, HCS_GATEWAYS: '8' });
    const { gateways, ...single } = ports;
    return [...Object.values(single), ...gateways.flatMap(({ agents, internal }) => [agents, internal])];
  };
  const all = [...portsOf('18000'), ...portsOf('19000')];
  expect(new Set(all).size).toBe(all.length);
});

it('refuses an address block outside 127.x.0.0/16', () => {
  for (const block of ['10.0.0.0/16', '127.0.0.0/16', '127.300.0.0/16', '127.10.0.0/24']) {
    expect(() => loadLocalSettings('/clone', { HCS_MACHINE_ADDRESSES: block })).toThrow('HCS_MACHINE_ADDRESSES must be');
  }
});

it('finds the state folder beside the clone unless it is told another', () => {
  expect(loadLocalSettings('/clone', {}).stateFolder).toBe('/clone/.hcs');
  expect(loadLocalSettings('/clone', { HCS_STATE_FOLDER: '/elsewhere' }).stateFolder).toBe('/elsewhere');
});

const stateWith = (cluster: LocalState['cluster']): LocalState => ({
  state: 'running',
  supervisor: { pid: 1, startedAt: '' },
  components: [],
  installationId: null,
  cluster,
  place: { portBase: 28_000, machineAddresses: '127.41.0.0/16' },
});

it('finds a service where its folder says it is, without being told again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'local-settings-'));
  writeState(join(folder, 'state.json'), stateWith({ id: '1', name: 'hello' }));
  const settings = loadLocalSettings('/clone', { HCS_STATE_FOLDER: folder });
  expect([settings.portBase, settings.machineAddresses]).toEqual([28_000, '127.41.0.0/16']);
});

it('refuses to move a folder that has machines, and lets one move that has none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'local-settings-'));
  const load = () => loadLocalSettings('/clone', { HCS_STATE_FOLDER: folder, HCS_PORT_BASE: '19000' });
  writeState(join(folder, 'state.json'), stateWith({ id: '1', name: 'hello' }));
  expect(load).toThrow('were made with HCS_PORT_BASE=28000');
  writeState(join(folder, 'state.json'), stateWith(null));
  expect(load().portBase).toBe(19_000);
});
