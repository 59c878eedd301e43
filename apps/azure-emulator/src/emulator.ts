import { operationRoutes } from './arm/pipeline/async-answers';
import { type Platform } from './arm/resource-provider';
import { clockRoutes } from './clock/clock.routes';
import { type EmulatorClock } from './clock/emulator-clock';
import { buildParts, type EmulatorOptions, type EmulatorParts } from './emulator-parts';
import { entraRoutes } from './entra/entra.routes';
import { type Faults } from './faults/faults';
import { faultRoutes } from './faults/faults.routes';
import { resourceRoutes } from './resources/resources.routes';
import { subscriptionRoutes } from './resources/subscriptions.routes';
import { applyApplicationDefinitions, applySeed, readSeedFile } from './seed/apply-seed';
import { seedSchema, type Seed } from './seed/seed.schema';
import { EmulatorServer } from './server/emulator-server';
import { metadataRoutes } from './server/metadata.routes';
import { Router } from './server/router';
import { type Route } from './server/route';

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

function routesOf(parts: EmulatorParts, isReady: () => boolean): Route[] {
  const { manager, subscriptions, directory, store, clock, faults, tokens, keys, operations } = parts;
  const { access, registry, resources, reads, answers } = manager;
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
    ...subscriptionRoutes({ store, subscriptions, directory, access, registry }),
    ...resourceRoutes({ registry, resources, reads, access }),
    ...operationRoutes({ operations, resources, reads, access, answers }),
    ...parts.providers.flatMap((provider) => provider.routes ?? []),
  ];
}

/** The scope at which a route's permission is asked: the group or subscription that its path begins with. */
const scopeOfPath = (path: string): string => /^\/subscriptions\/[^/]+(\/resourceGroups\/[^/]+)?/i.exec(path)?.[0] ?? '/';

function makeServer({ certificate, clock, faults, log, gate, manager }: EmulatorParts, router: Router): EmulatorServer {
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
  const parts = await buildParts(options);
  const { settings, log, operations, platform, providers, subscriptions, directory, certificate, clock, faults } = parts;
  let isReady = false;
  const router = new Router();
  router.add(routesOf(parts, () => isReady));
  const server = makeServer(parts, router);
  const seed = seedOf(options);
  const targets = { directory, subscriptions, resourceGroups: platform.resourceGroups, resources: platform.resources };
  await applySeed(seed, targets);
  const port = await server.listen(settings.EMULATOR_HOST, settings.EMULATOR_PORT);
  parts.address.set(`https://${settings.EMULATOR_HOST}:${port}`);
  for (const provider of providers) await provider.start?.();
  await applyApplicationDefinitions(seed, targets);
  operations.resume();
  isReady = true;
  const endpoint = platform.endpoint();
  log.info({ endpoint, caFile: certificate.caFile }, 'azure emulator is ready');
  const { caFile, caPem } = certificate;
  return { endpoint, caFile, caPem, clock, faults, platform, stop: (how) => stop(parts, server, how?.withMachines ?? false) };
}

function seedOf({ settings, seed }: EmulatorOptions): Seed {
  if (seed) return seedSchema.parse(seed);
  return settings.EMULATOR_SEED_FILE === undefined ? seedSchema.parse({}) : readSeedFile(settings.EMULATOR_SEED_FILE);
}

async function stop(
  { operations, providers, store }: EmulatorParts,
  server: EmulatorServer,
  withMachines: boolean,
): Promise<void> {
  await operations.stop();
  if (withMachines) for (const provider of providers) await provider.shutDown?.();
  for (const provider of [...providers].reverse()) await provider.stop?.();
  await server.close();
  store.close();
}
