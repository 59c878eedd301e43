import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ClientSecretCredential } from '@azure/identity';
import { loadSettings } from '@managed-consul/config';
import { type ResourceProviderFactory } from './arm/resource-provider';
import { startEmulator, type Emulator } from './emulator';
import { type SeedFile } from './seed/seed.schema';
import { emulatorSettings } from './settings';

/** Identities of the tests' seed: two tenants that know nothing of each other, a publisher in the first. */
export const sample = {
  tenantId: '11111111-0000-4000-8000-000000000001',
  otherTenantId: '11111111-0000-4000-8000-000000000002',
  publisherTenantId: '11111111-0000-4000-8000-000000000003',
  subscriptionId: '22222222-0000-4000-8000-000000000001',
  otherSubscriptionId: '22222222-0000-4000-8000-000000000002',
  owner: {
    clientId: '33333333-0000-4000-8000-000000000001',
    objectId: '44444444-0000-4000-8000-000000000001',
    secret: 'owner-secret',
  },
  reader: {
    clientId: '33333333-0000-4000-8000-000000000002',
    objectId: '44444444-0000-4000-8000-000000000002',
    secret: 'reader-secret',
  },
  stranger: {
    clientId: '33333333-0000-4000-8000-000000000003',
    objectId: '44444444-0000-4000-8000-000000000003',
    secret: 'stranger-secret',
  },
  publisher: {
    clientId: '33333333-0000-4000-8000-000000000004',
    objectId: '44444444-0000-4000-8000-000000000004',
    secret: 'publisher-secret',
  },
  audience: 'api://sample',
} as const;

export interface SamplePrincipal {
  readonly clientId: string;
  readonly objectId: string;
  readonly secret: string;
}

const servicePrincipal = (tenantId: string, displayName: string, { clientId, objectId, secret }: SamplePrincipal) => ({
  objectId,
  applicationId: clientId,
  tenantId,
  displayName,
  secret,
});

export const sampleSeed: SeedFile = {
  tenants: [
    { tenantId: sample.tenantId, displayName: 'Sample' },
    { tenantId: sample.otherTenantId, displayName: 'Other' },
    { tenantId: sample.publisherTenantId, displayName: 'Publisher' },
  ],
  applications: [
    {
      applicationId: '55555555-0000-4000-8000-000000000001',
      displayName: 'Sample API',
      tenantId: sample.publisherTenantId,
      identifierUris: [sample.audience],
    },
    {
      applicationId: '55555555-0000-4000-8000-000000000002',
      displayName: 'Sample API with version 2 tokens',
      tenantId: sample.publisherTenantId,
      identifierUris: ['api://sample-v2'],
      accessTokenVersion: 2,
    },
  ],
  servicePrincipals: [
    servicePrincipal(sample.tenantId, 'owner', sample.owner),
    servicePrincipal(sample.tenantId, 'reader', sample.reader),
    servicePrincipal(sample.otherTenantId, 'stranger', sample.stranger),
    servicePrincipal(sample.publisherTenantId, 'publisher', sample.publisher),
  ],
  subscriptions: [
    {
      subscriptionId: sample.subscriptionId,
      tenantId: sample.tenantId,
      displayName: 'Sample',
      regions: ['westeurope', 'northeurope'],
    },
    { subscriptionId: sample.otherSubscriptionId, tenantId: sample.otherTenantId, displayName: 'Other', regions: ['westeurope'] },
  ],
  resourceGroups: [{ subscriptionId: sample.subscriptionId, name: 'sample', location: 'westeurope', tags: { purpose: 'tests' } }],
  roleAssignments: [
    { scope: `/subscriptions/${sample.subscriptionId}`, role: 'Owner', principalId: sample.owner.objectId },
    { scope: `/subscriptions/${sample.subscriptionId}`, role: 'Reader', principalId: sample.reader.objectId },
    { scope: `/subscriptions/${sample.otherSubscriptionId}`, role: 'Owner', principalId: sample.stranger.objectId },
  ],
};

export interface TestEmulator extends Emulator {
  readonly stateFolder: string;
  /** For the clients of the Azure SDK: `credential(sample.owner, sample.tenantId)`. */
  credential(principal: SamplePrincipal, tenantId: string): ClientSecretCredential;
  /** A call to Resource Manager as `principal`; `api-version` is added. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Stops it and starts another on the same folder. */
  restart(): Promise<TestEmulator>;
  /** Stops it and removes its folder. */
  dispose(): Promise<void>;
}

export interface Identity {
  readonly principal: SamplePrincipal;
  readonly tenantId: string;
}

export interface CallOptions {
  /** Default: the owner of the sample subscription. */
  readonly as?: Identity;
  /** Instead of the principal's token; null sends none. */
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly query?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly [name: string]: unknown } & { readonly error?: { readonly code: string; readonly message: string } };
}

interface TestOptions {
  readonly stateFolder?: string;
  readonly seed?: SeedFile;
  readonly environment?: Record<string, string>;
  readonly providers?: readonly ResourceProviderFactory[];
}

/** An emulator on free ports in a folder of its own; this process trusts its authority from then on. */
export async function startTestEmulator(options: TestOptions = {}): Promise<TestEmulator> {
  const stateFolder = options.stateFolder ?? mkdtempSync(join(tmpdir(), 'azure-emulator-'));
  const settings = loadSettings(emulatorSettings, {
    LOG_LEVEL: 'warn',
    EMULATOR_PORT: '0',
    EMULATOR_BLOB_PORT: '0',
    EMULATOR_PROXY_PORT: '0',
    EMULATOR_STATE_FOLDER: stateFolder,
    ...options.environment,
  });
  const emulator = await startEmulator({
    settings,
    seed: options.seed ?? sampleSeed,
    ...(options.providers ? { providers: options.providers } : {}),
  });
  setDefaultCACertificates([...getCACertificates('default'), emulator.caPem]);
  const credential: TestEmulator['credential'] = ({ clientId, secret }, tenantId) =>
    new ClientSecretCredential(tenantId, clientId, secret, { authorityHost: emulator.endpoint, disableInstanceDiscovery: true });
  return {
    ...emulator,
    stateFolder,
    credential,
    call: async (method, path, call = {}) => {
      const { principal, tenantId } = call.as ?? { principal: sample.owner, tenantId: sample.tenantId };
      const own = async (): Promise<string> =>
        (await credential(principal, tenantId).getToken('https://management.azure.com/.default')).token;
      const token = call.token === undefined ? await own() : call.token;
      return send(`${emulator.endpoint}${path}?${call.query ?? 'api-version=2025-04-01'}`, method, token, call);
    },
    restart: async () => {
      await emulator.stop();
      return startTestEmulator({ ...options, stateFolder });
    },
    dispose: async () => {
      await emulator.stop();
      rmSync(stateFolder, { recursive: true, force: true });
    },
  };
}

async function send(url: string, method: string, token: string | null, { body, headers }: CallOptions): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] };
}
