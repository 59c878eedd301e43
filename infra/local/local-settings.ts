import { join, resolve } from 'node:path';
import { defineSettings, loadSettings, setting } from '@managed-consul/config';
import { readState } from './state-file';

/** What a developer may set for `./hcs`; with other values two copies run side by side. */
export const hcsSettings = defineSettings({
  HCS_STATE_FOLDER: setting.text({ description: 'Folder of all data, keys and logs of this copy.', default: '.hcs' }),
  HCS_PORT_BASE: setting.integer({
    description: 'All ports are this number plus a fixed offset.',
    min: 1024,
    max: 64000,
    default: '18000',
  }),
  HCS_MACHINE_ADDRESSES: setting.text({
    description: 'The /16 of the loopback network that machines get their addresses from, as 127.x.0.0/16.',
    default: '127.10.0.0/16',
  }),
  HCS_GATEWAYS: setting.integer({ description: 'How many gateway processes to run.', min: 1, max: 8, default: '1' }),
  HCS_TRACES_ENDPOINT: setting.optionalText({
    description: 'Where all processes send their spans by OTLP over HTTP, as http://127.0.0.1:4318/v1/traces.',
  }),
  HCS_LOG_LEVEL: setting.choice({
    description: 'Least severe line in the logs.',
    options: ['trace', 'debug', 'info', 'warn', 'error'],
    default: 'info',
  }),
});

const ADDRESS_BLOCK = /^127\.(\d{1,3})\.0\.0\/16$/;

/** Where each process listens, all on 127.0.0.1 except `instanceMetadata`, which is on each machine's own address. */
export interface LocalPorts {
  api: number;
  adminApi: number;
  /** Where each API tells its metrics and its health. */
  apiInternal: number;
  adminApiInternal: number;
  worker: number;
  /** What agents dial; with several gateways a forwarder that spreads connections listens here. */
  agents: number;
  gateways: readonly { agents: number; internal: number }[];
  azure: number;
  /** The proxy that leads Azure's public names to the emulator. */
  azureProxy: number;
  blobs: number;
  instanceMetadata: number;
  postgres: number;
  redis: number;
}

export interface LocalSettings {
  root: string;
  stateFolder: string;
  portBase: number;
  machineAddresses: string;
  logLevel: string;
  tracesEndpoint: string | undefined;
  ports: LocalPorts;
}

function gatewayPorts(base: number, count: number): LocalPorts['gateways'] {
  if (count === 1) return [{ agents: base + 443, internal: base + 444 }];
  return Array.from({ length: count }, (_, index) => ({ agents: base + 450 + 2 * index, internal: base + 451 + 2 * index }));
}

type Environment = Record<string, string | undefined>;

/**
 * The environment with what the state folder was made with where nothing else is said, so that `status` finds what `up` started.
 * Throws when it contradicts a folder that has machines: they go on dialling where they were told.
 */
function withKeptPlace(root: string, environment: Environment): Environment {
  const { HCS_STATE_FOLDER } = loadSettings({ HCS_STATE_FOLDER: hcsSettings.HCS_STATE_FOLDER }, environment);
  const kept = readState(join(resolve(root, HCS_STATE_FOLDER), 'state.json'));
  if (!kept) return environment;
  const place = { HCS_PORT_BASE: String(kept.place.portBase), HCS_MACHINE_ADDRESSES: kept.place.machineAddresses };
  const changed = Object.entries(place).filter(([name, value]) => (environment[name] ?? value) !== value);
  if (changed.length > 0 && kept.cluster) {
    const words = changed.map(([name, value]) => `${name}=${value}`).join(' ');
    throw new Error(
      `The data in ${HCS_STATE_FOLDER} were made with ${words}; keep that, or set HCS_STATE_FOLDER to another folder.`,
    );
  }
  return { ...place, ...environment };
}

/** Reads the settings of the clone at `root`. Throws `ConfigurationError`, or an error in one line for a bad address block. */
export function loadLocalSettings(root: string, environment: Environment = process.env): LocalSettings {
  const settings = loadSettings(hcsSettings, withKeptPlace(root, environment));
  const block = ADDRESS_BLOCK.exec(settings.HCS_MACHINE_ADDRESSES)?.[1];
  if (block === undefined || Number(block) < 1 || Number(block) > 254) {
    throw new Error('HCS_MACHINE_ADDRESSES must be 127.x.0.0/16 with x from 1 to 254.');
  }
  const base = settings.HCS_PORT_BASE;
  return {
    root,
    stateFolder: resolve(root, settings.HCS_STATE_FOLDER),
    portBase: base,
    machineAddresses: settings.HCS_MACHINE_ADDRESSES,
    logLevel: settings.HCS_LOG_LEVEL,
    tracesEndpoint: settings.HCS_TRACES_ENDPOINT,
    ports: {
      api: base + 80,
      adminApi: base + 82,
      apiInternal: base + 180,
      adminApiInternal: base + 182,
      worker: base + 81,
      agents: base + 443,
      gateways: gatewayPorts(base, settings.HCS_GATEWAYS),
      azure: base + 500,
      azureProxy: base + 501,
      blobs: base + 100,
      instanceMetadata: base + 580,
      postgres: base + 432,
      redis: base + 379,
    },
  };
}
