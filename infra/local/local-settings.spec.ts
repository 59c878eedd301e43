import { expect, it } from 'vitest';
import { loadLocalSettings } from './local-settings';

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
