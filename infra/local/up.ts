/** `./hcs up`: everything in order, each with its sign of health, then the sample cluster; runs until it is asked to stop. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { buildApps } from '../../tools/build/build-apps';
import { findConsulBinary, type ConsulBinary } from '../../tools/consul-binary/consul-binary';
import { identifyProcess } from '../../tools/processes/process-identity';
import { findRedis } from '../../tools/servers/redis';
import { publishArtifact } from './artifacts';
import {
  adminApiComponent,
  apiComponent,
  azureComponent,
  gatewayComponents,
  postgresComponent,
  redisComponent,
  workerComponent,
  type LocalWorld,
} from './components';
import { startConnectionForwarder, type ConnectionForwarder } from './connection-forwarder';
import { prepareDatabase } from './database';
import { emulatorSeed } from './emulator-seed';
import { foldersOf, makeFolders } from './folders';
import { loadIdentities } from './identities';
import { prepareKeys } from './keys';
import { stopLeftovers } from './leftovers';
import type { LocalSettings } from './local-settings';
import { takeLock } from './run-lock';
import { checkPlatform, checkPortsAndAddresses, PreflightError } from './preflight';
import { provisionSampleCluster } from './sample-cluster';
import { readState, writeState, type LocalState } from './state-file';
import { Supervisor, type Component } from './supervisor';
import { welcome } from './welcome';

type Say = (line: string) => void;

const secondsSince = (started: number): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;

/** One line when it begins to take time and one when it is done would be noise: one line when it is done. */
async function step<Result>(
  say: Say,
  name: string,
  work: () => Promise<Result>,
  describe: (result: Result) => string,
): Promise<Result> {
  const started = performance.now();
  const result = await work();
  say(`  ${name.padEnd(16)} ${describe(result)} (${secondsSince(started)})`);
  return result;
}

class LocalService {
  readonly #supervisor: Supervisor;
  readonly #world: LocalWorld;
  readonly #say: Say;
  #forwarder: ConnectionForwarder | undefined;
  #state: LocalState;

  constructor(world: LocalWorld, say: Say) {
    this.#world = world;
    this.#say = say;
    const supervisor = identifyProcess(process.pid) ?? { pid: process.pid, startedAt: '' };
    const earlier = readState(world.folders.stateFile);
    this.#state = {
      state: 'starting',
      supervisor,
      components: [],
      installationId: earlier?.installationId ?? null,
      cluster: earlier?.cluster ?? null,
      place: { portBase: world.settings.portBase, machineAddresses: world.settings.machineAddresses },
    };
    this.#supervisor = new Supervisor({ say, changed: (components) => this.#save({ components }) });
    this.#save({});
  }

  async start(consul: ConsulBinary, signal: AbortSignal): Promise<void> {
    const world = this.#world;
    await this.#startOne(postgresComponent(world), signal);
    await step(
      this.#say,
      'database',
      () => prepareDatabase(world, consul),
      (count) => `${count} migrations applied, catalogue filled`,
    );
    await this.#startOne(redisComponent(world), signal);
    await this.#startOne(azureComponent(world), signal);
    // Azure's clients in this process take their trust from here.
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(world.folders.caFile, 'utf8')]);
    const gateways = world.settings.ports.gateways;
    for (const component of gatewayComponents(world)) await this.#startOne(component, signal);
    if (gateways.length > 1)
      this.#forwarder = await startConnectionForwarder(
        world.settings.ports.agents,
        gateways.map(({ agents }) => agents),
      );
    await this.#startOne(apiComponent(world), signal);
    await this.#startOne(adminApiComponent(world), signal);
    await this.#startOne(workerComponent(world), signal);
  }

  async provision(signal: AbortSignal): Promise<void> {
    const started = performance.now();
    const sample = await provisionSampleCluster(this.#world, this.#say, signal);
    this.#say(`  ${sample.cluster.name.padEnd(16)} ready (${secondsSince(started)})`);
    const { id, name } = sample.cluster;
    this.#save({ state: 'running', installationId: sample.installationId, cluster: { id, name } });
    this.#say(welcome(this.#world, sample));
  }

  async stop(): Promise<void> {
    this.#save({ state: 'stopping' });
    await this.#supervisor.stop();
    await this.#forwarder?.close();
    this.#save({ state: 'stopped', components: [] });
  }

  async #startOne(component: Component, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const where = component.port === null ? 'running' : `ready on 127.0.0.1:${component.port}`;
    await step(
      this.#say,
      component.name,
      () => this.#supervisor.start(component),
      () => where,
    );
  }

  #save(change: Partial<LocalState>): void {
    this.#state = { ...this.#state, ...change };
    writeState(this.#world.folders.stateFile, this.#state);
  }
}

async function prepareWorld(settings: LocalSettings, consul: ConsulBinary, say: Say): Promise<LocalWorld> {
  const folders = foldersOf(settings.stateFolder);
  const apps = await step(
    say,
    'build',
    () => buildApps(settings.root),
    (built) => `${built.length} apps`,
  );
  const agent = apps.find(({ name }) => name === 'server-agent');
  if (!agent) throw new Error('apps/server-agent was not built.');
  const identities = loadIdentities(folders.secrets);
  const keys = await prepareKeys(folders.secrets);
  const seed = JSON.stringify(emulatorSeed(settings, identities), undefined, 2);
  writeFileSync(join(folders.secrets, 'emulator-seed.json'), seed, { mode: 0o600 });
  mkdirSync(join(folders.runtime, 'azure-emulator'), { recursive: true });
  publishArtifact(folders.artifacts, consul.path);
  return { settings, folders, identities, keys, agentBundleFile: publishArtifact(folders.artifacts, agent.file) };
}

/** Makes this process the only `up` of the state folder, until it gives the lock back or ends. */
function refuseSecondRun({ stateFolder }: LocalSettings): () => void {
  const attempt = takeLock(foldersOf(stateFolder).lock);
  if ('release' in attempt) return attempt.release;
  throw new PreflightError([`It runs already (pid ${attempt.heldBy.pid}); see ./hcs status, or stop it with ./hcs down.`]);
}

/**
 * Starts the whole service and keeps it running until `signal` is aborted; then stops every process that it started. Throws
 * `PreflightError` for what the user can mend.
 */
export async function runLocalService(settings: LocalSettings, say: Say, signal: AbortSignal): Promise<void> {
  checkPlatform();
  makeFolders(settings.stateFolder);
  const release = refuseSecondRun(settings);
  try {
    await runAlone(settings, say, signal);
  } finally {
    release();
  }
}

async function runAlone(settings: LocalSettings, say: Say, signal: AbortSignal): Promise<void> {
  const count = await stopLeftovers(foldersOf(settings.stateFolder));
  if (count > 0) say(`  Stopped ${count} processes that an earlier run had left behind`);
  await checkPortsAndAddresses(settings);
  await findRedis((line) => say(`  ${line}`));
  const consul = await step(
    say,
    'consul',
    () => findConsulBinary({ say: (line) => say(`  ${line}`) }),
    ({ version, source }) => `${version} from ${source}`,
  );
  const world = await prepareWorld(settings, consul, say);
  const service = new LocalService(world, say);
  const asked = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  try {
    await service.start(consul, signal);
    await service.provision(signal);
    await asked;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    say('Stopping');
    await service.stop();
    await stopLeftovers(world.folders);
    say('Stopped');
  }
}
