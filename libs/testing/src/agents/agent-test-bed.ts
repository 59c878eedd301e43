import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createAgentClient, PresenceDirectory, type AgentClient } from '@managed-consul/agent-protocol';
import { hours, SecretValue } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { createCertificateAuthority, issueCertificate } from '@managed-consul/secrets';
import * as x509 from '@peculiar/x509';
import { Redis } from 'ioredis';
import { traversableTemporaryFolder } from '../../../../tools/processes/traversable-folder';
import { createTestDatabase, testRedisUrl } from '../test-servers';
import { startGatewayProcess, type GatewayProcess } from './gateway-process';
import { startTestBalancer, type TestBalancer } from './test-balancer';
import { startTokenIssuer, type TokenIssuer } from './token-issuer';

const ROOT = resolve(import.meta.dirname, '../../../..');
export const TEST_AUDIENCE = 'api://managed-consul-gateway';

/** A cluster's record, for which machines may enrol. */
export interface TestCluster {
  id: string;
  tenantId: string;
  identityResourceId: string;
}

/** Everything around agents and gateways, real: database, Redis, token issuer, TLS, artifacts, one address for all gateways. */
export interface AgentTestBed {
  readonly folder: string;
  readonly artifactsFolder: string;
  readonly gatewayCaPem: string;
  readonly bundleSha256: string;
  readonly database: Database;
  readonly redis: Redis;
  readonly issuer: TokenIssuer;
  readonly balancer: TestBalancer;
  readonly gatewayUrl: string;
  readonly agents: AgentClient;
  readonly presence: PresenceDirectory;
  readonly internalToken: string;
  /** Opens the diagnostics only. */
  readonly diagnosticsToken: string;
  startGateway(environment?: Record<string, string>): Promise<GatewayProcess>;
  createCluster(): Promise<TestCluster>;
  /** Copies a file to where gateways serve it and gives its hash. */
  addArtifact(path: string): Promise<string>;
  close(): Promise<void>;
}

export async function createAgentTestBed(): Promise<AgentTestBed> {
  const folder = await mkdtemp(join(traversableTemporaryFolder(), 'agents-'));
  await chmod(folder, 0o755);
  const artifactsFolder = join(folder, 'artifacts');
  await mkdir(artifactsFolder);
  const [testDatabase, redisUrl, issuer, balancer, gatewayCaPem] = await Promise.all([
    createTestDatabase(),
    testRedisUrl(),
    startTokenIssuer(),
    startTestBalancer(),
    writeGatewayTls(folder),
  ]);
  await writeFile(join(folder, 'key-encryption-key'), randomBytes(32).toString('base64'), { mode: 0o600 });
  const database = openDatabase({ url: testDatabase.url, maxConnections: 3 });
  const redis = new Redis(redisUrl);
  const [internalToken, diagnosticsToken] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const presence = new PresenceDirectory(redis);
  const gateways: GatewayProcess[] = [];
  const addArtifact = (path: string) => copyArtifact(path, artifactsFolder);
  const environment = {
    DATABASE_URL: testDatabase.url,
    REDIS_URL: redisUrl,
    KEY_ENCRYPTION_KEY_FILE: join(folder, 'key-encryption-key'),
    ENTRA_AUTHORITY: issuer.authority,
    GATEWAY_AUDIENCE: TEST_AUDIENCE,
    GATEWAY_TLS_CERTIFICATE_FILE: join(folder, 'gateway.pem'),
    GATEWAY_TLS_KEY_FILE: join(folder, 'gateway-key.pem'),
    GATEWAY_INTERNAL_TOKEN: internalToken,
    GATEWAY_DIAGNOSTICS_TOKEN: diagnosticsToken,
    ARTIFACTS_FOLDER: artifactsFolder,
  };
  return {
    folder,
    artifactsFolder,
    gatewayCaPem,
    bundleSha256: await addArtifact(await bundleAgent(folder)),
    database,
    redis,
    issuer,
    balancer,
    gatewayUrl: `https://127.0.0.1:${balancer.port}`,
    agents: createAgentClient({ presence, token: new SecretValue(internalToken) }),
    presence,
    internalToken,
    diagnosticsToken,
    addArtifact,
    createCluster: () => createCluster(database),
    startGateway: async (more = {}) => {
      const gateway = await startGatewayProcess(folder, { ...environment, ...more });
      gateways.push(gateway);
      return gateway;
    },
    close: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      redis.disconnect();
      await Promise.all([database.close(), issuer.close(), balancer.close()]);
      await testDatabase.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The agent as it is shipped: one file. */
async function bundleAgent(folder: string): Promise<string> {
  // Loaded here, so that tests without agents do not wait for it.
  const { build } = await import('esbuild');
  const outfile = join(folder, 'agent.mjs');
  await build({
    entryPoints: [join(ROOT, 'apps/server-agent/src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    tsconfig: join(ROOT, 'tsconfig.base.json'),
    minify: true,
    // As the build does it: a bundled CommonJS package calls `require`.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return outfile;
}

async function copyArtifact(path: string, artifactsFolder: string): Promise<string> {
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  await copyFile(path, join(artifactsFolder, sha256));
  return sha256;
}

/** A TLS certificate for 127.0.0.1; gives the authority's PEM. */
async function writeGatewayTls(folder: string): Promise<string> {
  const now = new Date();
  const authority = await createCertificateAuthority({ commonName: 'Test gateway CA', now, lifetimeMs: hours(24) });
  const { request, keyPem } = await newCertificateRequest();
  const issued = await issueCertificate(authority, {
    certificateRequestPem: request,
    subject: 'CN=gateway',
    names: [{ type: 'ip', value: '127.0.0.1' }],
    usages: ['server'],
    now,
    lifetimeMs: hours(24),
  });
  await writeFile(join(folder, 'gateway.pem'), issued.pem);
  await writeFile(join(folder, 'gateway-key.pem'), keyPem, { mode: 0o600 });
  return authority.certificatePem;
}

/** A fresh key and a request for it, as any PKCS#10 software makes them. */
export async function newCertificateRequest(): Promise<{ request: string; keyPem: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=anything', keys, signingAlgorithm: algorithm });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString();
  return { request: request.toString('pem'), keyPem };
}

async function createCluster({ prisma }: Database): Promise<TestCluster> {
  const tenantId = randomUUID();
  const id = randomUUID();
  const resourceGroup = `group-${id}`;
  const identityResourceId = `/subscriptions/${tenantId}/resourcegroups/${resourceGroup}/providers/microsoft.managedidentity/userassignedidentities/consul-identity`;
  const plan = { planId: 'test', region: 'westeurope' };
  const installation = await prisma.installation.create({
    data: { kind: 'Direct', state: 'Ready', tenantId, subscriptionId: tenantId, resourceGroup, ...plan },
  });
  await prisma.cluster.create({
    data: {
      id,
      installationId: installation.id,
      name: `cluster-${id.slice(0, 8)}`,
      datacenter: 'dc1',
      consulVersion: '1.8.7',
      servers: 1,
      vmSize: 'Standard_D2s_v5',
      networkCidr: '10.0.0.0/24',
      email: 'owner@example.com',
      identityResourceId,
      ...plan,
    },
  });
  return { id, tenantId, identityResourceId };
}
