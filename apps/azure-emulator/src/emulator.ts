import { operationRoutes } from './arm/pipeline/async-answers';
import { type Platform } from './arm/resource-provider';
import { clockRoutes } from './clock/clock.routes';
import { type EmulatorClock } from './clock/emulator-clock';
import { buildParts, type EmulatorOptions, type EmulatorParts } from './emulator-parts';
import { entraRoutes } from './entra/entra.routes';
import { graphRoutes } from './entra/graph.routes';
import { type Faults } from './faults/faults';
import { faultRoutes } from './faults/faults.routes';
import { meteringRoutes } from './metering/metering.routes';
import { resourceRoutes } from './resources/resources.routes';
import { subscriptionRoutes } from './resources/subscriptions.routes';
import { applyApplicationDefinitions, applySeed } from './seed/apply-seed';
import { ClientProxy } from './server/client-proxy';
import { EmulatorServer } from './server/emulator-server';
import { metadataRoutes } from './server/metadata.routes';
import { publicDocumentRoutes } from './server/public-documents.routes';
import { PUBLIC_NAMES } from './server/public-names';
import { Router } from './server/router';
import { type Route } from './server/route';

/** An emulator that answers. */
export interface Emulator {
  /** `https://host:port` of Resource Manager and Entra ID. */
  readonly endpoint: string;
  /** `http://host:port` of the proxy that leads Azure's public names here. */
  readonly proxy: string;
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
    ...publicDocumentRoutes(parts.seed.publicDocuments),
    ...entraRoutes({ directory, tokens, keys, clock, lifetimeSeconds: parts.settings.EMULATOR_TOKEN_LIFETIME_SECONDS }),
    ...graphRoutes({ directory, tokens, endpoint: parts.address.get }),
    ...meteringRoutes({
      store,
      clock,
      tokens,
      applications: resources,
      definitions: parts.seed.applicationDefinitions,
      callsPerSecond: parts.settings.EMULATOR_METERING_CALLS_PER_SECOND,
    }),
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

const makeProxy = ({ settings, names, address, log }: EmulatorParts): ClientProxy =>
  new ClientProxy({
    names: [...PUBLIC_NAMES, ...names.map((name) => name.toLowerCase())],
    target: () => ({ host: settings.EMULATOR_HOST, port: Number(new URL(address.get()).port) }),
    log,
  });

/** Starts an emulator on its state folder: what an earlier one left there is found, and unfinished operations go on. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const parts = await buildParts(options);
  const { settings, seed, log, operations, platform, providers, subscriptions, directory, certificate, clock, faults } = parts;
  let isReady = false;
  const router = new Router();
  router.add(routesOf(parts, () => isReady));
  const server = makeServer(parts, router);
  const proxy = makeProxy(parts);
  const targets = { directory, subscriptions, resourceGroups: platform.resourceGroups, resources: platform.resources };
  await applySeed(seed, targets);
  const port = await server.listen(settings.EMULATOR_HOST, settings.EMULATOR_PORT);
  parts.address.set(`https://${settings.EMULATOR_HOST}:${port}`);
  const proxyPort = await proxy.listen(settings.EMULATOR_HOST, settings.EMULATOR_PROXY_PORT);
  for (const provider of providers) await provider.start?.();
  await applyApplicationDefinitions(seed, targets);
  operations.resume();
  isReady = true;
  const endpoint = platform.endpoint();
  const proxyAddress = `http://${settings.EMULATOR_HOST}:${proxyPort}`;
  const { caFile, caPem } = certificate;
  log.info({ endpoint, proxy: proxyAddress, caFile }, 'azure emulator is ready');
  const stopAll: Emulator['stop'] = async (how) => {
    await proxy.close();
    await stop(parts, server, how?.withMachines ?? false);
  };
  return { endpoint, proxy: proxyAddress, caFile, caPem, clock, faults, platform, stop: stopAll };
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
