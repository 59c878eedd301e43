import { randomInt } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { publishArtifact } from '../../infra/local/artifacts';
import {
  azureComponent,
  gatewayComponents,
  postgresComponent,
  redisComponent,
  type LocalWorld,
} from '../../infra/local/components';
import { prepareDatabase } from '../../infra/local/database';
import { emulatorSeed, SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { foldersOf, makeFolders } from '../../infra/local/folders';
import { loadIdentities, type Identities } from '../../infra/local/identities';
import { prepareKeys } from '../../infra/local/keys';
import { stopLeftovers } from '../../infra/local/leftovers';
import { loadLocalSettings, type LocalSettings } from '../../infra/local/local-settings';
import { checkPortsAndAddresses, PreflightError } from '../../infra/local/preflight';
import { Supervisor } from '../../infra/local/supervisor';
import { buildApps, buildForMachines } from '../../tools/build/build-apps';
import { findConsulBinary } from '../../tools/consul-binary/consul-binary';
import type { Simulation } from '../../tools/simulated-machine/simulation.schema';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';

const ROOT = resolve(import.meta.dirname, '../..');

/** Everything that workflows work with, running: PostgreSQL, Redis, Azure and a gateway, but neither api nor worker. */
export interface LocalCloud {
  readonly world: LocalWorld;
  stop(): Promise<void>;
}

/** Test files that run side by side draw from different thirds, so that they cannot take the same ports at the same moment. */
function drawPlace(): { portBase: number; addressBlock: number } {
  const third = Number(process.env['VITEST_POOL_ID'] ?? '0') % 3;
  return { portBase: (20 + third * 4 + randomInt(4)) * 1000, addressBlock: 100 + third * 30 + randomInt(30) };
}

/** Ports and addresses that no other copy uses. */
async function freeSettings(stateFolder: string): Promise<LocalSettings> {
  for (let attempt = 1; ; attempt += 1) {
    const { portBase, addressBlock } = drawPlace();
    const settings = loadLocalSettings(ROOT, {
      HCS_STATE_FOLDER: stateFolder,
      HCS_PORT_BASE: String(portBase),
      HCS_MACHINE_ADDRESSES: `127.${addressBlock}.0.0/16`,
      HCS_LOG_LEVEL: 'info',
    });
    try {
      await checkPortsAndAddresses(settings);
      return settings;
    } catch (error) {
      if (!(error instanceof PreflightError) || attempt === 10) throw error;
    }
  }
}

/** Resource groups of the customer in which the service has its role, but which nobody has tagged. */
export const SPARE_GROUPS = Array.from({ length: 10 }, (_, index) => `spare-${index + 1}`);

function withSpareGroups(seed: ReturnType<typeof emulatorSeed>, { customer, publisher }: Identities): typeof seed {
  const { subscriptionId } = customer;
  const roleOn = (name: string) => ({
    scope: `/subscriptions/${subscriptionId}/resourceGroups/${name}`,
    role: 'Owner',
    principalId: publisher.objectId,
  });
  return {
    ...seed,
    resourceGroups: [
      ...(seed.resourceGroups ?? []),
      ...SPARE_GROUPS.map((name) => ({ subscriptionId, name, location: SAMPLE_REGION })),
    ],
    roleAssignments: [...(seed.roleAssignments ?? []), ...SPARE_GROUPS.map(roleOn)],
  };
}

/**
 * An image that has Consul where the agent keeps it: a machine then boots without a download of 68 MB through the gateway, which on
 * few cores is most of its boot. Machines of `./hcs up` download it.
 */
function makeMachineImage(runtimeFolder: string, consul: { path: string; sha256: string }): string {
  const image = join(runtimeFolder, 'machine-image');
  const folder = join(image, 'var/lib/managed-consul/consul/bin');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, `consul-${consul.sha256}`);
  copyFileSync(consul.path, program);
  chmodSync(program, 0o555);
  return image;
}

/** An image whose machines simulate their Consul in the way that is said. */
function makeSimulatedImage(runtimeFolder: string, simulation: Simulation): string {
  const image = join(runtimeFolder, 'machine-image');
  const folder = join(image, 'etc/managed-consul');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'simulated-consul.json'), JSON.stringify(simulation));
  return image;
}

/** Built once for all worlds of a process: nobody changes the apps while tests run. */
let built: ReturnType<typeof buildApps> | undefined;

/** How the local cloud differs from the usual one. */
export interface LocalCloudOptions {
  /** Machines run the agent without a Consul behind: many of them fit on one host. */
  simulation?: Simulation;
}

/** Starts it in a folder of its own; this process trusts its Azure from then on. */
export async function startLocalCloud({ simulation }: LocalCloudOptions = {}): Promise<LocalCloud> {
  const stateFolder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-world-'));
  // PostgreSQL and the machines may run as other users, who must get to their folders.
  chmodSync(stateFolder, 0o755);
  const settings = await freeSettings(stateFolder);
  makeFolders(stateFolder);
  const folders = foldersOf(stateFolder);
  built ??= buildApps(ROOT);
  const [apps, consul] = await Promise.all([built, findConsulBinary()]);
  const agent = simulation
    ? await buildForMachines(ROOT, 'tools/simulated-machine/main.ts', 'simulated-machine')
    : apps.find(({ name }) => name === 'server-agent')?.file;
  if (agent === undefined) throw new Error('apps/server-agent was not built.');
  const identities = loadIdentities(folders.secrets);
  const keys = await prepareKeys(folders.secrets);
  const seed = JSON.stringify(withSpareGroups(emulatorSeed(settings, identities), identities));
  writeFileSync(join(folders.secrets, 'emulator-seed.json'), seed, { mode: 0o600 });
  mkdirSync(join(folders.runtime, 'azure-emulator'), { recursive: true });
  publishArtifact(folders.artifacts, consul.path);
  const world: LocalWorld = {
    settings,
    folders,
    identities,
    keys,
    agentBundleFile: publishArtifact(folders.artifacts, agent),
    machineImageFolder: simulation ? makeSimulatedImage(folders.runtime, simulation) : makeMachineImage(folders.runtime, consul),
    // Trials let time pass faster than it does, and ask in seconds what the service asks in minutes.
    azureRequestsPerSecond: 1000,
  };

  const supervisor = new Supervisor({ changed: () => undefined, say: (line) => process.stderr.write(`${line}\n`) });
  const stop = async (): Promise<void> => {
    await supervisor.stop();
    await stopLeftovers(folders);
    rmSync(stateFolder, { recursive: true, force: true });
  };
  try {
    await supervisor.start(postgresComponent(world));
    await prepareDatabase(world, consul);
    await supervisor.start(redisComponent(world));
    await supervisor.start(azureComponent(world));
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(folders.caFile, 'utf8')]);
    for (const gateway of gatewayComponents(world)) await supervisor.start(gateway);
  } catch (error) {
    await stop();
    throw error;
  }
  return { world, stop };
}
