import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Requester } from '@managed-consul/access';
import { createAgentClient, PresenceDirectory } from '@managed-consul/agent-protocol';
import { openAzure, type Azure } from '@managed-consul/azure';
import { requestCreateCluster, requestDeleteCluster, requestRegisterInstallation } from '@managed-consul/clusters';
import { minutes, SecretValue, systemClock, type Milliseconds } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { createLogger, type Logger } from '@managed-consul/observability';
import { LocalKeyFile, SecretStore } from '@managed-consul/secrets';
import { driveToEnd, realTime, type TrialOperation, type TrialTime } from '@managed-consul/testing';
import type { WorkflowHost } from '@managed-consul/workflow-engine';
import { createWorkflowHost, type Services, type WorkflowDependencies } from '@managed-consul/workflows';
import { Redis } from 'ioredis';
import { agentGatewayUrl, azureUrl, databaseUrl, redisUrl, type LocalWorld } from '../../infra/local/components';
import { GATEWAY_AUDIENCE, SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { startLocalCloud, type LocalCloudOptions } from './local-cloud';

/** The lifecycle with everything that it works on, driven by the test instead of workers. */
export interface WorkflowWorld {
  readonly world: LocalWorld;
  readonly database: Database;
  readonly dependencies: WorkflowDependencies;
  readonly host: WorkflowHost<Services>;
  readonly time: TrialTime;
  readonly log: Logger;
  /** The customer, owner of the one installation. */
  readonly requester: Requester;
  readonly installationId: string;
  /** Asks for a cluster with a name and a network of its own. */
  requestCluster(servers: number): Promise<{ clusterId: string; operationId: string }>;
  requestDelete(clusterId: string): Promise<string>;
  drive(operationId: string): Promise<TrialOperation>;
  /** The same lifecycle, but for how long a call to Azure may take. */
  hostWithCallTimeout(callTimeout: Milliseconds): WorkflowHost<Services>;
  /** Makes calls to Azure go wrong; see the emulator's faults. Gives the switch's id. */
  addFault(fault: AzureFault): Promise<string>;
  /** Turns a switch off that hits every call once. Gives the calls that it has hit, each as `METHOD path`. */
  endFault(id: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** Which calls to Azure go wrong, how often and how. */
export interface AzureFault {
  method?: string;
  /** Regular expression. */
  path?: string;
  count?: number;
  /** Every method and path once. */
  oncePerCall?: boolean;
  effect: Record<string, unknown>;
}

/** How long an operation may take on a machine that runs several at once. */
const PATIENCE = minutes(5);

/** Azure as the service reaches it. A new one has new tokens: those of another time are not taken. */
export function azureOf(world: LocalWorld, callTimeout?: Milliseconds): Azure {
  const { tenantId, clientId, clientSecret } = world.identities.publisher;
  const authority = azureUrl(world);
  const identity = {
    endpoint: authority,
    authority,
    meteringEndpoint: authority,
    tenantId,
    clientId,
    clientSecret: new SecretValue(clientSecret),
  };
  return openAzure({ ...identity, ...(callTimeout === undefined ? {} : { callTimeout }) });
}

async function dependenciesOf(world: LocalWorld, database: Database, redis: Redis): Promise<WorkflowDependencies> {
  const { identities, keys } = world;
  return {
    database,
    azure: azureOf(world),
    agents: createAgentClient({
      presence: new PresenceDirectory(redis),
      token: new SecretValue(identities.gatewayInternalToken),
    }),
    secrets: new SecretStore(database.prisma, await LocalKeyFile.load(keys.keyEncryptionKeyFile)),
    bell: { ring: async () => undefined },
    machines: {
      gatewayUrl: agentGatewayUrl(world),
      gatewayAudience: GATEWAY_AUDIENCE,
      gatewayCaPem: readFileSync(keys.gatewayCaFile, 'utf8'),
      agentBundleSha256: createHash('sha256').update(readFileSync(world.agentBundleFile)).digest('hex'),
    },
  };
}

/** The emulator's fault switches. */
function faultSwitches(world: LocalWorld): Pick<WorkflowWorld, 'addFault' | 'endFault'> {
  const url = `${azureUrl(world)}/_emulator/faults`;
  return {
    addFault: async (fault) => {
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify(fault) });
      if (!answer.ok) throw new Error(`The fault was refused: ${await answer.text()}`);
      return ((await answer.json()) as { id: string }).id;
    },
    endFault: async (id) => {
      const { value } = (await (await fetch(url)).json()) as { value: { id: string; calls?: string[] }[] };
      await fetch(`${url}/${id}`, { method: 'DELETE' });
      return value.find((fault) => fault.id === id)?.calls ?? [];
    },
  };
}

/** Registers the resource group that the seed has granted to the service, as its owner would. */
async function registerGrantedGroup(
  parts: Omit<
    WorkflowWorld,
    'installationId' | 'requestCluster' | 'requestDelete' | 'hostWithCallTimeout' | 'addFault' | 'endFault' | 'stop'
  >,
): Promise<string> {
  const { database, world, requester, drive } = parts;
  const { subscriptionId, resourceGroup } = world.identities.customer;
  const wish = { requester, subscriptionId, resourceGroup: `${resourceGroup}-granted`, region: SAMPLE_REGION };
  const { installation, operation } = await database.prisma.$transaction((tx) => requestRegisterInstallation(tx, wish));
  const registered = await drive(operation.id);
  if (registered.state !== 'Succeeded') throw new Error(`The group could not be registered: ${JSON.stringify(registered)}`);
  return installation.id;
}

/** Starts it all and registers one installation. Stop it in the end. */
export async function openWorkflowWorld(options: LocalCloudOptions = {}): Promise<WorkflowWorld> {
  const cloud = await startLocalCloud(options);
  const { world } = cloud;
  const database = openDatabase({ url: databaseUrl(world), maxConnections: 20 });
  const redis = new Redis(redisUrl(world));
  const stop = async (): Promise<void> => {
    redis.disconnect();
    await database.close();
    await cloud.stop();
  };
  try {
    const log = createLogger({ app: 'trial', level: process.env['TRIAL_LOG_LEVEL'] ?? 'silent' });
    const dependencies = await dependenciesOf(world, database, redis);
    const host = createWorkflowHost(dependencies, { clock: systemClock, log });
    const time = realTime(PATIENCE);
    const { tenantId, objectId } = world.identities.customer;
    const requester = { tenantId, objectId, groupIds: [], correlationId: randomUUID() };
    const drive = (operationId: string) => driveToEnd({ database, host, time, log }, operationId);
    const parts = { world, database, dependencies, host, time, log, requester, drive };
    const installationId = await registerGrantedGroup(parts);
    let clusters = 0;
    return {
      ...parts,
      installationId,
      requestCluster: async (servers) => {
        clusters += 1;
        const networkCidr = `10.${Math.floor(clusters / 256)}.${clusters % 256}.0/24`;
        const draft = { installationId, name: `trial-${clusters}`, servers, networkCidr, email: 'trial@example.com' };
        const { created } = await requestCreateCluster(database, { requester, draft });
        if (!created) throw new Error('A fresh cluster was answered as a repetition.');
        return { clusterId: created.cluster.id, operationId: created.operation.id };
      },
      requestDelete: async (clusterId) => {
        const id = await database.prisma.$transaction((tx) => requestDeleteCluster(tx, { requester, clusterId }));
        if (!id) throw new Error(`Cluster ${clusterId} is deleted already.`);
        return id;
      },
      hostWithCallTimeout: (callTimeout) => {
        const impatient = { ...dependencies, azure: azureOf(world, callTimeout) };
        return createWorkflowHost(impatient, { clock: systemClock, log });
      },
      ...faultSwitches(world),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
