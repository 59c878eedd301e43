import { defineSettings, setting } from '@managed-consul/config';

/** What the worker is given from outside. */
export const workerSettings = defineSettings({
  LOG_LEVEL: setting.choice({
    description: 'Least important log line that is written.',
    options: ['debug', 'info', 'warn', 'error'],
    default: 'info',
  }),
  TRACES_ENDPOINT: setting.optionalText({
    description: 'Where spans are sent by OTLP over HTTP, as https://collector:4318/v1/traces; without it none are recorded.',
  }),
  DATABASE_URL: setting.secret({ description: 'PostgreSQL, as postgresql://user:password@host:port/database.' }),
  DATABASE_MAX_CONNECTIONS: setting.integer({
    description: 'Most connections to PostgreSQL that this process opens.',
    min: 2,
    max: 200,
    default: '20',
  }),
  REDIS_URL: setting.secret({ description: 'Redis, as redis://host:port; carries the bells and where agents are connected.' }),
  KEY_ENCRYPTION_KEY_FILE: setting.text({
    description: 'File of the key that wraps all data keys: 32 random bytes in base64, mode 0600.',
  }),
  WORKER_HOST: setting.text({ description: 'Address of the listener for health checks.', default: '127.0.0.1' }),
  WORKER_PORT: setting.integer({ description: 'Port of that listener; 0 for any.', min: 0, max: 65_535 }),
  WORKER_CONCURRENCY: setting.integer({
    description: 'Operations that this process carries on at the same time.',
    min: 1,
    max: 1000,
    default: '50',
  }),
  WORKER_SWEEP_SECONDS: setting.integer({
    description: 'How often bells that were lost are rung again.',
    min: 1,
    max: 300,
    default: '15',
  }),
  WORKER_SCHEDULE_SECONDS: setting.integer({
    description: 'How often the worker asks which clusters are due to be looked at.',
    min: 1,
    max: 300,
    default: '5',
  }),
  WORKER_OBSERVE_SECONDS: setting.integer({
    description: 'How often the state of each cluster is looked at.',
    min: 1,
    max: 3600,
    default: '30',
  }),
  WORKER_INSPECT_SECONDS: setting.integer({
    description: 'How often what each cluster has in Azure is compared with what the service made.',
    min: 1,
    max: 86_400,
    default: '300',
  }),
  WORKER_REPAIR_SECONDS: setting.integer({
    description:
      'How long a dead server may take to come back by itself before it is repaired; a silent agent gets ten times that.',
    min: 1,
    max: 3600,
    default: '60',
  }),
  WORKER_LEASE_SECONDS: setting.integer({
    description: 'How long after its last sign of life a worker still holds an operation; clocks may differ by two thirds of it.',
    min: 3,
    max: 600,
    default: '30',
  }),
  WORKER_STOP_SECONDS: setting.integer({
    description: 'How long running steps may take to finish when the process is told to stop; then they are interrupted.',
    min: 0,
    max: 600,
    default: '20',
  }),
  ENTRA_AUTHORITY: setting.url({ description: 'Entra ID, e.g. https://login.microsoftonline.com.' }),
  AZURE_RESOURCE_MANAGER_ENDPOINT: setting.url({ description: 'Azure Resource Manager, e.g. https://management.azure.com.' }),
  MARKETPLACE_METERING_ENDPOINT: setting.url({
    description: 'Marketplace metering service.',
    default: 'https://marketplaceapi.microsoft.com',
  }),
  AZURE_TENANT_ID: setting.text({ description: "Tenant of the service's own principal." }),
  AZURE_CLIENT_ID: setting.text({ description: "Client id of the service's own principal." }),
  AZURE_CLIENT_SECRET: setting.secret({ description: 'Its secret.' }),
  GATEWAY_INTERNAL_TOKEN: setting.secret({ description: 'Bearer token that gateways expect of workers.' }),
  GATEWAY_AUDIENCE: setting.text({
    description: 'Audience of the identity tokens with which agents prove themselves.',
    default: 'api://managed-consul-gateway',
  }),
  AGENT_GATEWAY_URL: setting.url({ description: 'Where the agents on the machines dial.' }),
  AGENT_GATEWAY_CA_FILE: setting.text({
    description: "Authorities of the gateway's certificate, PEM; told to every new machine.",
  }),
  AGENT_BUNDLE_FILE: setting.text({ description: "The agent's program; every new machine is told its SHA-256." }),
});
