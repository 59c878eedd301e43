/** The processes of the service, in the order in which they start, each with its environment and its sign of health. */
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../../tools/servers/postgres';
import { findRedis, startRedis } from '../../tools/servers/redis';
import { ADMIN_AUDIENCE, API_AUDIENCE, GATEWAY_AUDIENCE } from './emulator-seed';
import type { LocalFolders } from './folders';
import { answersOk } from './health';
import type { Identities } from './identities';
import type { LocalKeys } from './keys';
import type { LocalSettings } from './local-settings';
import { startNodeApp } from './node-app';
import type { Component } from './supervisor';

/** A copy of the service as it is set up: enough to say where everything is. */
export interface LocalPlace {
  settings: LocalSettings;
  folders: LocalFolders;
  identities: Identities;
}

/** What the processes need beside that. */
export interface LocalWorld extends LocalPlace {
  keys: LocalKeys;
  agentBundleFile: string;
  /** What the image of the machines has beside the operating system; nothing without it. */
  machineImageFolder?: string;
  /** How many requests the emulator takes for long, in place of as many as Azure. */
  azureRequestsPerSecond?: number;
}

const DATABASE = 'managed_consul';
const HOST = '127.0.0.1';

export const databaseUrl = ({ settings, identities }: LocalPlace, database = DATABASE): string =>
  `postgresql://postgres:${encodeURIComponent(identities.databasePassword)}@${HOST}:${settings.ports.postgres}/${database}`;
export const redisUrl = ({ settings }: LocalPlace): string => `redis://${HOST}:${settings.ports.redis}`;
export const azureUrl = ({ settings }: LocalPlace): string => `https://${HOST}:${settings.ports.azure}`;
export const azureProxyUrl = ({ settings }: LocalPlace): string => `http://${HOST}:${settings.ports.azureProxy}`;
export const blobsUrl = ({ settings }: LocalPlace): string => `https://${HOST}:${settings.ports.blobs}`;
export const apiUrl = ({ settings }: LocalPlace): string => `http://${HOST}:${settings.ports.api}`;
export const adminApiUrl = ({ settings }: LocalPlace): string => `http://${HOST}:${settings.ports.adminApi}`;
export const agentGatewayUrl = ({ settings }: LocalPlace): string => `https://${HOST}:${settings.ports.agents}`;

/** Made from the other token one way, so that it needs no place of its own and gives the other one away to nobody. */
const diagnosticsToken = ({ identities }: LocalWorld): string =>
  createHmac('sha256', identities.gatewayInternalToken).update('diagnostics').digest('hex');

export function postgresComponent(world: LocalWorld): Component {
  const { settings, folders, identities } = world;
  const log = join(folders.logs, 'postgres.log');
  const options = {
    root: settings.root,
    dataFolder: join(folders.runtime, 'postgres'),
    programsFolder: join(folders.runtime, 'postgres-programs'),
    logFile: log,
    port: settings.ports.postgres,
    password: identities.databasePassword,
    parameters: { max_connections: '200' },
  };
  return {
    name: 'postgres',
    port: settings.ports.postgres,
    log,
    stopSignal: 'SIGINT',
    stopWithin: 20_000,
    start: async (spawned) => (await startPostgres({ ...options, spawned })).process,
  };
}

export function redisComponent(world: LocalWorld): Component {
  const { settings, folders } = world;
  const log = join(folders.logs, 'redis.log');
  const options = { dataFolder: join(folders.runtime, 'redis'), logFile: log, port: settings.ports.redis, durable: true };
  return {
    name: 'redis',
    port: settings.ports.redis,
    log,
    stopSignal: 'SIGTERM',
    stopWithin: 10_000,
    start: async (spawned) => (await startRedis(await findRedis(), { ...options, spawned })).process,
  };
}

interface AppDescription {
  name: string;
  app: string;
  port: number;
  otherPorts?: Record<string, number>;
  environment: Record<string, string>;
  health: string;
  stopWithin?: number;
  stopSignal?: Component['stopSignal'];
}

function appComponent(world: LocalWorld, about: AppDescription): Component {
  const { settings, folders } = world;
  const log = join(folders.logs, `${about.name}.log`);
  const trust = () =>
    about.health.startsWith('https:') && existsSync(folders.caFile) ? readFileSync(folders.caFile, 'utf8') : undefined;
  const start: Component['start'] = (spawned) =>
    startNodeApp({
      name: about.name,
      file: join(settings.root, 'dist/apps', about.app, 'main.mjs'),
      environment: { LOG_LEVEL: settings.logLevel, ...about.environment },
      log,
      spawned,
      works: () => answersOk(about.health, trust()),
    });
  const { stopSignal = 'SIGTERM', stopWithin = 15_000, otherPorts = {} } = about;
  return { name: about.name, port: about.port, otherPorts, log, stopSignal, stopWithin, start };
}

function azureRates({ azureRequestsPerSecond: rate }: LocalWorld): Record<string, string> {
  return rate === undefined ? {} : { EMULATOR_READS_PER_SECOND: String(rate), EMULATOR_WRITES_PER_SECOND: String(rate) };
}

export function azureComponent(world: LocalWorld): Component {
  const { settings, folders } = world;
  return appComponent(world, {
    name: 'azure-emulator',
    app: 'azure-emulator',
    port: settings.ports.azure,
    otherPorts: {
      proxy: settings.ports.azureProxy,
      blobs: settings.ports.blobs,
      instanceMetadata: settings.ports.instanceMetadata,
    },
    health: `${azureUrl(world)}/healthz`,
    // On this signal it shuts its machines down before it ends; on SIGTERM they would run on.
    stopSignal: 'SIGINT',
    stopWithin: 60_000,
    environment: {
      EMULATOR_HOST: HOST,
      EMULATOR_PORT: String(settings.ports.azure),
      EMULATOR_PROXY_PORT: String(settings.ports.azureProxy),
      EMULATOR_BLOB_PORT: String(settings.ports.blobs),
      EMULATOR_INSTANCE_METADATA_PORT: String(settings.ports.instanceMetadata),
      EMULATOR_MACHINE_ADDRESS_BLOCK: settings.machineAddresses,
      EMULATOR_STATE_FOLDER: join(folders.runtime, 'azure-emulator'),
      ...(world.machineImageFolder === undefined ? {} : { EMULATOR_MACHINE_IMAGE_FOLDER: world.machineImageFolder }),
      ...azureRates(world),
      EMULATOR_SEED_FILE: join(folders.secrets, 'emulator-seed.json'),
    },
  });
}

const tracesEnvironment = ({ settings: { tracesEndpoint } }: LocalWorld): Record<string, string> =>
  tracesEndpoint === undefined ? {} : { TRACES_ENDPOINT: tracesEndpoint };

function sharedEnvironment(world: LocalWorld, maxConnections: number): Record<string, string> {
  return {
    ...tracesEnvironment(world),
    DATABASE_URL: databaseUrl(world),
    DATABASE_MAX_CONNECTIONS: String(maxConnections),
    REDIS_URL: redisUrl(world),
    KEY_ENCRYPTION_KEY_FILE: world.keys.keyEncryptionKeyFile,
    ENTRA_AUTHORITY: azureUrl(world),
    NODE_EXTRA_CA_CERTS: world.folders.caFile,
  };
}

export function gatewayComponents(world: LocalWorld): Component[] {
  const { settings, folders, keys, identities } = world;
  return settings.ports.gateways.map(({ agents, internal }, index) =>
    appComponent(world, {
      name: `gateway-${index + 1}`,
      app: 'gateway',
      port: agents,
      otherPorts: { internal },
      health: `http://${HOST}:${internal}/healthz`,
      environment: {
        ...sharedEnvironment(world, 10),
        GATEWAY_ID: `gateway-${index + 1}`,
        GATEWAY_AGENT_HOST: HOST,
        GATEWAY_AGENT_PORT: String(agents),
        GATEWAY_INTERNAL_HOST: HOST,
        GATEWAY_INTERNAL_PORT: String(internal),
        GATEWAY_INTERNAL_URL: `http://${HOST}:${internal}`,
        GATEWAY_INTERNAL_TOKEN: identities.gatewayInternalToken,
        GATEWAY_DIAGNOSTICS_TOKEN: diagnosticsToken(world),
        GATEWAY_TLS_CERTIFICATE_FILE: keys.gatewayCertificateFile,
        GATEWAY_TLS_KEY_FILE: keys.gatewayKeyFile,
        GATEWAY_AUDIENCE,
        ARTIFACTS_FOLDER: folders.artifacts,
      },
    }),
  );
}

export function apiComponent(world: LocalWorld): Component {
  const { settings, identities } = world;
  return appComponent(world, {
    name: 'api',
    app: 'api',
    port: settings.ports.api,
    otherPorts: { metrics: settings.ports.apiInternal },
    health: `${apiUrl(world)}/healthz`,
    environment: {
      ...sharedEnvironment(world, 20),
      API_HOST: HOST,
      API_PORT: String(settings.ports.api),
      API_INTERNAL_HOST: HOST,
      API_INTERNAL_PORT: String(settings.ports.apiInternal),
      API_PUBLIC_URL: apiUrl(world),
      // Whoever tries things out here, or measures, sends faster than a customer may.
      API_READS_PER_MINUTE: '1000000',
      API_WRITES_PER_MINUTE: '1000000',
      API_AUDIENCE,
      NOTIFICATION_SECRET: identities.notificationSecret,
    },
  });
}

/** The sample's operator is the publisher's own service principal, and its lead. */
export function adminApiComponent(world: LocalWorld): Component {
  const { settings, identities, folders } = world;
  return appComponent(world, {
    name: 'admin-api',
    app: 'admin-api',
    port: settings.ports.adminApi,
    otherPorts: { metrics: settings.ports.adminApiInternal },
    health: `${adminApiUrl(world)}/healthz`,
    environment: {
      ...tracesEnvironment(world),
      DATABASE_URL: databaseUrl(world),
      REDIS_URL: redisUrl(world),
      NODE_EXTRA_CA_CERTS: folders.caFile,
      ADMIN_AUTHORITY: azureUrl(world),
      ADMIN_TENANT_ID: identities.publisher.tenantId,
      ADMIN_AUDIENCE,
      ADMIN_LEADS: identities.publisher.objectId,
      GATEWAY_DIAGNOSTICS_TOKEN: diagnosticsToken(world),
      ADMIN_HOST: HOST,
      ADMIN_PORT: String(settings.ports.adminApi),
      ADMIN_INTERNAL_HOST: HOST,
      ADMIN_INTERNAL_PORT: String(settings.ports.adminApiInternal),
      ADMIN_PUBLIC_URL: adminApiUrl(world),
    },
  });
}

export function workerComponent(world: LocalWorld): Component {
  const { settings, identities, keys } = world;
  const { publisher } = identities;
  return appComponent(world, {
    name: 'worker',
    app: 'worker',
    port: settings.ports.worker,
    health: `http://${HOST}:${settings.ports.worker}/healthz`,
    // Running steps may take 20 s to finish.
    stopWithin: 30_000,
    environment: {
      ...sharedEnvironment(world, 30),
      WORKER_HOST: HOST,
      WORKER_PORT: String(settings.ports.worker),
      // A machine that somebody sits at: what they break is found and mended while they watch.
      WORKER_SCHEDULE_SECONDS: '2',
      WORKER_OBSERVE_SECONDS: '5',
      WORKER_INSPECT_SECONDS: '20',
      WORKER_REPAIR_SECONDS: '20',
      AZURE_RESOURCE_MANAGER_ENDPOINT: azureUrl(world),
      MARKETPLACE_METERING_ENDPOINT: azureUrl(world),
      AZURE_TENANT_ID: publisher.tenantId,
      AZURE_CLIENT_ID: publisher.clientId,
      AZURE_CLIENT_SECRET: publisher.clientSecret,
      GATEWAY_INTERNAL_TOKEN: identities.gatewayInternalToken,
      GATEWAY_AUDIENCE,
      AGENT_GATEWAY_URL: agentGatewayUrl(world),
      AGENT_GATEWAY_CA_FILE: keys.gatewayCaFile,
      AGENT_BUNDLE_FILE: world.agentBundleFile,
    },
  });
}
