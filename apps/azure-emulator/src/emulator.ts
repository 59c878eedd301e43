import { createLogger, type Logger } from '@managed-consul/observability';
import { LongOperations } from './arm/long-operations';
import { Gate } from './arm/pipeline/gate';
import { operationRoutes } from './arm/pipeline/async-answers';
import { Throttle, throttleLimits } from './arm/pipeline/throttle';
import { ResourceManager } from './arm/resource-manager';
import { type Platform, type ResourceProvider, type ResourceProviderFactory } from './arm/resource-provider';
import { authorizationProvider, SystemDenyAssignments } from './authorization/authorization.provider';
import { clockRoutes } from './clock/clock.routes';
import { EmulatorClock } from './clock/emulator-clock';
import { AccessTokens } from './entra/access-tokens';
import { Directory } from './entra/directory';
import { entraRoutes } from './entra/entra.routes';
import { ServiceTokens } from './entra/managed-identity-tokens';
import { SigningKeys } from './entra/signing-keys';
import { Faults } from './faults/faults';
import { faultRoutes } from './faults/faults.routes';
import { resourceProviders } from './resource-providers';
import { resourcesProvider } from './resources/resources.provider';
import { resourceRoutes } from './resources/resources.routes';
import { Subscriptions } from './resources/subscriptions';
import { subscriptionRoutes } from './resources/subscriptions.routes';
import { applyApplicationDefinitions, applySeed, readSeedFile } from './seed/apply-seed';
import { seedSchema, type Seed, type SeedFile } from './seed/seed.schema';
import { prepareServerCertificate, type ServerCertificate } from './server/certificate-authority';
import { EmulatorServer } from './server/emulator-server';
import { metadataRoutes } from './server/metadata.routes';
import { Router } from './server/router';
import { type Route } from './server/route';
import { type EmulatorSettings } from './settings';
import { Store } from './store/store';

export interface EmulatorOptions {
  readonly settings: EmulatorSettings;
  /** Instead of the file that the settings name. */
  readonly seed?: SeedFile;
  readonly log?: Logger;
  /** Instead of all services; for tests of one. */
  readonly providers?: readonly ResourceProviderFactory[];
}

/** An emulator that answers. */
export interface Emulator {
  /** `https://host:port` of Resource Manager and Entra ID. */
  readonly endpoint: string;
  readonly caFile: string;
  readonly caPem: string;
  readonly clock: EmulatorClock;
  readonly faults: Faults;
  readonly platform: Platform;
  /**
   * Interrupts long operations (they go on at the next start), stops every service and closes the listener. Machines run on,
   * unless `withMachines`: then they go down too and boot with the next emulator.
   */
  stop(options?: { withMachines?: boolean }): Promise<void>;
}

/** The parts of one run, in the order in which they need each other. */
async function build({ settings, log: givenLog, providers: factories = resourceProviders }: EmulatorOptions) {
  const log = givenLog ?? createLogger({ app: 'azure-emulator', level: settings.LOG_LEVEL });
  const store = new Store(settings.EMULATOR_STATE_FOLDER);
  const clock = new EmulatorClock(store);
  const faults = new Faults();
  let address: string | undefined;
  const endpoint = (): string => address ?? `https://${settings.EMULATOR_HOST}:${settings.EMULATOR_PORT}`;
  const extraNames = [
    settings.EMULATOR_HOST,
    ...(settings.EMULATOR_EXTRA_NAMES?.split(',').map((name) => name.trim()) ?? []),
  ].filter(Boolean);
  const certificate = await prepareServerCertificate(settings.EMULATOR_STATE_FOLDER, extraNames);
  const directory = new Directory(store, endpoint);
  const keys = await SigningKeys.open(store);
  const tokens = new AccessTokens(keys, directory, clock, endpoint);
  const subscriptions = new Subscriptions(store);
  const operations = new LongOperations({
    store,
    clock,
    faults,
    log,
    leastDurationMilliseconds: settings.EMULATOR_OPERATION_MILLISECONDS,
  });
  const retryAfterSeconds = settings.EMULATOR_RETRY_AFTER_SECONDS;
  const manager = new ResourceManager({ store, clock, operations, subscriptions, retryAfterSeconds });
  const platform: Platform = {
    settings,
    clock,
    store,
    log,
    directory,
    faults,
    certificate,
    endpoint,
    operations,
    access: manager.access,
    resources: manager.inProcess,
    resourceGroups: manager.resourceGroups,
    tenants: subscriptions,
    tokens: new ServiceTokens(tokens, directory, manager.resources),
    denyAssignments: new SystemDenyAssignments(manager.resources, clock),
    caCertificatePem: certificate.caPem,
  };
  const providers: ResourceProvider[] = [
    resourcesProvider(store, manager.resources),
    authorizationProvider(manager.resources, directory),
    ...factories.map((make) => make(platform)),
  ];
  for (const provider of providers) manager.registry.add(provider);
  const gate = new Gate({
    tokens,
    subscriptions,
    access: manager.access,
    throttle: new Throttle(clock, throttleLimits(settings.EMULATOR_READS_PER_SECOND, settings.EMULATOR_WRITES_PER_SECOND)),
    endpoint,
  });
  const setAddress = (value: string): void => {
    address = value;
  };
  return {
    settings,
    log,
    store,
    clock,
    faults,
    certificate,
    directory,
    keys,
    tokens,
    subscriptions,
    operations,
    manager,
    platform,
    providers,
    gate,
    setAddress,
  };
}

type Parts = Awaited<ReturnType<typeof build>>;

function routesOf(parts: Parts, isReady: () => boolean): Route[] {
  const { manager, subscriptions, directory, store, clock, faults, tokens, keys, operations } = parts;
  const health: Route = {
    method: 'GET',
    pattern: '/_emulator/healthz',
    access: { kind: 'anonymous' },
    handle: () => ({ status: isReady() ? 200 : 503, body: { status: isReady() ? 'ready' : 'starting' } }),
  };
  return [
    health,
    { ...health, pattern: '/healthz' },
    ...faultRoutes(faults),
    ...clockRoutes(clock),
    ...metadataRoutes(directory),
    ...entraRoutes({ directory, tokens, keys, clock, lifetimeSeconds: parts.settings.EMULATOR_TOKEN_LIFETIME_SECONDS }),
    ...subscriptionRoutes({ store, subscriptions, directory, access: manager.access, registry: manager.registry }),
    ...resourceRoutes(manager),
    ...operationRoutes({
      operations,
      resources: manager.resources,
      reads: manager.reads,
      access: manager.access,
      answers: manager.answers,
    }),
    ...parts.providers.flatMap((provider) => provider.routes ?? []),
  ];
}

/** The scope at which a route's permission is asked: the group or subscription that its path begins with. */
const scopeOfPath = (path: string): string => /^\/subscriptions\/[^/]+(\/resourceGroups\/[^/]+)?/i.exec(path)?.[0] ?? '/';

function makeServer(parts: Parts, certificate: ServerCertificate, router: Router): EmulatorServer {
  const { clock, faults, log, gate, manager } = parts;
  return new EmulatorServer({
    certificate,
    clock,
    faults,
    log,
    router,
    admit: (request) => gate.admit(request),
    authorise: (caller, permission, path) => manager.access.require(caller, permission, scopeOfPath(path)),
    dispatch: (request) => manager.dispatcher.handle(request),
  });
}

/** Starts an emulator on its state folder: what an earlier one left there is found, and unfinished operations go on. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const parts = await build(options);
  const { settings, log, operations, platform, providers, subscriptions, directory } = parts;
  let isReady = false;
  const router = new Router();
  router.add(routesOf(parts, () => isReady));
  const server = makeServer(parts, parts.certificate, router);
  const seed = seedOf(options);
  const targets = { directory, subscriptions, resourceGroups: platform.resourceGroups, resources: platform.resources };
  await applySeed(seed, targets);
  const port = await server.listen(settings.EMULATOR_HOST, settings.EMULATOR_PORT);
  parts.setAddress(`https://${settings.EMULATOR_HOST}:${port}`);
  for (const provider of providers) await provider.start?.();
  await applyApplicationDefinitions(seed, targets);
  operations.resume();
  isReady = true;
  log.info({ endpoint: platform.endpoint(), caFile: parts.certificate.caFile }, 'azure emulator is ready');
  return {
    endpoint: platform.endpoint(),
    caFile: parts.certificate.caFile,
    caPem: parts.certificate.caPem,
    clock: parts.clock,
    faults: parts.faults,
    platform,
    stop: (options) => stop(parts, server, options?.withMachines ?? false),
  };
}

function seedOf({ settings, seed }: EmulatorOptions): Seed {
  if (seed) return seedSchema.parse(seed);
  return settings.EMULATOR_SEED_FILE === undefined ? seedSchema.parse({}) : readSeedFile(settings.EMULATOR_SEED_FILE);
}

async function stop({ operations, providers, store }: Parts, server: EmulatorServer, withMachines: boolean): Promise<void> {
  await operations.stop();
  if (withMachines) for (const provider of providers) await provider.shutDown?.();
  for (const provider of [...providers].reverse()) await provider.stop?.();
  await server.close();
  store.close();
}
