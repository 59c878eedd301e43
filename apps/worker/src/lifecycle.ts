import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createAgentClient, PresenceDirectory } from '@managed-consul/agent-protocol';
import { openAzure } from '@managed-consul/azure';
import { seconds, systemClock, type Settings } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger, Metrics } from '@managed-consul/observability';
import type { Bell } from '@managed-consul/operations';
import { createSchedules, type Schedule } from '@managed-consul/schedules';
import { LocalKeyFile, SecretStore } from '@managed-consul/secrets';
import { createWorkflowHost, type MachineSettings, type Services } from '@managed-consul/workflows';
import type { WorkflowHost } from '@managed-consul/workflow-engine';
import { Redis } from 'ioredis';
import type { workerSettings } from './settings';

type WorkerSettings = Settings<typeof workerSettings>;

/** The lifecycle with all that it works with, and how to let go of that. */
export interface Lifecycle {
  readonly host: WorkflowHost<Services>;
  /** What the service does for clusters unasked. */
  readonly schedules: readonly Schedule[];
  close(): void;
}

async function readMachineSettings(settings: WorkerSettings): Promise<MachineSettings> {
  const [gatewayCaPem, bundle] = await Promise.all([
    readFile(settings.AGENT_GATEWAY_CA_FILE, 'utf8'),
    readFile(settings.AGENT_BUNDLE_FILE),
  ]);
  return {
    gatewayUrl: settings.AGENT_GATEWAY_URL,
    gatewayAudience: settings.GATEWAY_AUDIENCE,
    gatewayCaPem,
    agentBundleSha256: createHash('sha256').update(bundle).digest('hex'),
  };
}

/** Counts answers of Azure by their status. */
export function countAzureAnswers(metrics: Metrics): (status: number) => void {
  const answers = metrics.counter('managed_consul_azure_answers_total', 'Answers of Azure by status; 429 is throttling.', [
    'status',
  ]);
  return (status) => answers.add({ status: String(status) });
}

/** Opens Azure, the agents and the secrets as the settings say. Throws if a file that they name cannot be read. */
export async function openLifecycle(
  settings: WorkerSettings,
  { database, bell, metrics, log }: { database: Database; bell: Bell; metrics: Metrics; log: Logger },
): Promise<Lifecycle> {
  const keyWrapper = await LocalKeyFile.load(settings.KEY_ENCRYPTION_KEY_FILE);
  const machines = await readMachineSettings(settings);
  // A question to a Redis that is away fails soon and is asked again by the step's own rule.
  const redis = new Redis(settings.REDIS_URL.reveal(), {
    maxRetriesPerRequest: 1,
    commandTimeout: seconds(2),
    retryStrategy: (times) => Math.min(times * 100, seconds(1)),
  });
  redis.on('error', (error) => log.debug({ err: error }, 'Redis is not reachable'));
  const azure = openAzure({
    endpoint: settings.AZURE_RESOURCE_MANAGER_ENDPOINT,
    authority: settings.ENTRA_AUTHORITY,
    meteringEndpoint: settings.MARKETPLACE_METERING_ENDPOINT,
    tenantId: settings.AZURE_TENANT_ID,
    clientId: settings.AZURE_CLIENT_ID,
    clientSecret: settings.AZURE_CLIENT_SECRET,
    onAnswer: countAzureAnswers(metrics),
  });
  const agents = createAgentClient({ presence: new PresenceDirectory(redis), token: settings.GATEWAY_INTERNAL_TOKEN });
  const secrets = new SecretStore(database.prisma, keyWrapper);
  const host = createWorkflowHost({ azure, agents, secrets, database, bell, machines }, { clock: systemClock, log });
  const schedules = createSchedules({
    ...{ azure, agents, secrets, database, bell, log, clock: systemClock },
    observeEvery: seconds(settings.WORKER_OBSERVE_SECONDS),
    inspectEvery: seconds(settings.WORKER_INSPECT_SECONDS),
    repairAfter: seconds(settings.WORKER_REPAIR_SECONDS),
  });
  return { host, schedules, close: () => redis.disconnect() };
}
