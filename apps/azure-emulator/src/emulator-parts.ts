import { createLogger, type Logger } from '@managed-consul/observability';
import { LongOperations } from './arm/long-operations';
import { Gate } from './arm/pipeline/gate';
import { Throttle, throttleLimits } from './arm/pipeline/throttle';
import { ResourceManager } from './arm/resource-manager';
import { type Platform, type ResourceProvider, type ResourceProviderFactory } from './arm/resource-provider';
import { authorizationProvider, SystemDenyAssignments } from './authorization/authorization.provider';
import { EmulatorClock } from './clock/emulator-clock';
import { AccessTokens } from './entra/access-tokens';
import { Directory } from './entra/directory';
import { ServiceTokens } from './entra/managed-identity-tokens';
import { SigningKeys } from './entra/signing-keys';
import { Faults } from './faults/faults';
import { resourceProviders } from './resource-providers';
import { resourcesProvider } from './resources/resources.provider';
import { Subscriptions } from './resources/subscriptions';
import { readSeedFile } from './seed/apply-seed';
import { seedSchema, type Seed, type SeedFile } from './seed/seed.schema';
import { prepareServerCertificate } from './server/certificate-authority';
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

/** The emulator's own address: what the settings say, until the listener knows its port. */
class Address {
  #value: string;

  constructor({ EMULATOR_HOST, EMULATOR_PORT }: EmulatorSettings) {
    this.#value = `https://${EMULATOR_HOST}:${EMULATOR_PORT}`;
  }

  readonly get = (): string => this.#value;

  set(value: string): void {
    this.#value = value;
  }
}

function seedOf({ settings, seed }: EmulatorOptions): Seed {
  if (seed) return seedSchema.parse(seed);
  return settings.EMULATOR_SEED_FILE === undefined ? seedSchema.parse({}) : readSeedFile(settings.EMULATOR_SEED_FILE);
}

const namesOf = ({ EMULATOR_HOST, EMULATOR_EXTRA_NAMES }: EmulatorSettings): string[] =>
  [EMULATOR_HOST, ...(EMULATOR_EXTRA_NAMES ?? '').split(',')].map((name) => name.trim()).filter(Boolean);

/** What stands below every service: state, time, faults, identities, certificate. */
async function openFoundation(options: EmulatorOptions) {
  const { settings, log: givenLog } = options;
  const seed = seedOf(options);
  const names = [...namesOf(settings), ...seed.publicDocuments.map(({ host }) => host)];
  const log = givenLog ?? createLogger({ app: 'azure-emulator', level: settings.LOG_LEVEL });
  const store = new Store(settings.EMULATOR_STATE_FOLDER);
  const clock = new EmulatorClock(store);
  const address = new Address(settings);
  const certificate = await prepareServerCertificate(settings.EMULATOR_STATE_FOLDER, names);
  const directory = new Directory(store, address.get);
  const keys = await SigningKeys.open(store);
  const tokens = new AccessTokens(keys, directory, clock, address.get);
  return {
    settings,
    seed,
    names,
    log,
    store,
    clock,
    address,
    certificate,
    directory,
    keys,
    tokens,
    faults: new Faults(),
    subscriptions: new Subscriptions(store),
  };
}

type Foundation = Awaited<ReturnType<typeof openFoundation>>;

function makeManager({ settings, log, store, clock, faults, subscriptions }: Foundation) {
  const leastDurationMilliseconds = settings.EMULATOR_OPERATION_MILLISECONDS;
  const operations = new LongOperations({ store, clock, faults, log, leastDurationMilliseconds });
  const retryAfterSeconds = settings.EMULATOR_RETRY_AFTER_SECONDS;
  return { operations, manager: new ResourceManager({ store, clock, operations, subscriptions, retryAfterSeconds }) };
}

function makePlatform(foundation: Foundation, operations: LongOperations, manager: ResourceManager): Platform {
  const { settings, log, store, clock, address, certificate, directory, tokens, faults, subscriptions } = foundation;
  return {
    settings,
    clock,
    store,
    log,
    directory,
    faults,
    certificate,
    operations,
    endpoint: address.get,
    access: manager.access,
    locks: manager.locks,
    resources: manager.inProcess,
    resourceGroups: manager.resourceGroups,
    tenants: subscriptions,
    tokens: new ServiceTokens(tokens, directory, manager.resources),
    denyAssignments: new SystemDenyAssignments(manager.resources, clock),
    caCertificatePem: certificate.caPem,
  };
}

/** The parts of one run, in the order in which they need each other. */
export async function buildParts(options: EmulatorOptions) {
  const foundation = await openFoundation(options);
  const { settings, store, clock, address, directory, tokens, subscriptions } = foundation;
  const { operations, manager } = makeManager(foundation);
  const platform = makePlatform(foundation, operations, manager);
  const providers: ResourceProvider[] = [
    resourcesProvider(store, manager.resources),
    authorizationProvider(manager.resources, directory),
    ...(options.providers ?? resourceProviders).map((make) => make(platform)),
  ];
  for (const provider of providers) manager.registry.add(provider);
  const limits = throttleLimits(settings.EMULATOR_READS_PER_SECOND, settings.EMULATOR_WRITES_PER_SECOND);
  const throttle = new Throttle(clock, limits);
  const gate = new Gate({ tokens, subscriptions, access: manager.access, throttle, endpoint: address.get });
  return { ...foundation, operations, manager, platform, providers, gate };
}

export type EmulatorParts = Awaited<ReturnType<typeof buildParts>>;
