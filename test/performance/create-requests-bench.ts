import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '@managed-consul/database';
import { until } from '@managed-consul/testing';
import { seedCatalogue } from '../../prisma/seed/seed-catalogue';
import { buildApps } from '../../tools/build/build-apps';
import { applyMigrations } from '../../tools/database/schema-engine';
import { freePort } from '../../tools/processes/free-port';
import { stopProcess } from '../../tools/processes/stop-process';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';
import { startPostgres } from '../../tools/servers/postgres';
import { findRedis, startRedis } from '../../tools/servers/redis';
import { startTokenIssuer } from './token-issuer';

const AUDIENCE = 'api://managed-consul';
const INSTALLATIONS = 200;
/** Connections to PostgreSQL: the same for both servers. */
const DATABASE_CONNECTIONS = '10';

/** The API and its bare counterpart, each a process with a database of its own on the same servers. */
export interface CreateRequestsBench {
  api: { url: string; installationIds: string[] };
  bare: { url: string; installationIds: string[] };
  token: string;
  /** Has the API's audit events linked into their chains by the database, as they are unless told otherwise, or not. */
  chainAudit(isChained: boolean): Promise<void>;
  /** Tells PostgreSQL how full its tables are, as its own upkeep does every minute. */
  analyze(): Promise<void>;
  stop(): Promise<void>;
}

interface Owner {
  tenantId: string;
  objectId: string;
}

async function makeDatabase(
  root: string,
  adminUrl: string,
  name: string,
  owner: Owner,
): Promise<{ url: string; installationIds: string[] }> {
  const admin = openDatabase({ url: adminUrl, maxConnections: 1 });
  await admin.pool.query(`CREATE DATABASE ${name}`);
  await admin.close();
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  await applyMigrations(root, url.href);
  const database = openDatabase({ url: url.href, maxConnections: 2 });
  await seedCatalogue(database);
  const { tenantId, objectId } = owner;
  const place = {
    kind: 'Direct' as const,
    state: 'Ready' as const,
    tenantId,
    resourceGroup: 'load',
    region: 'westeurope',
    planId: 'on-demand',
  };
  const installations = Array.from({ length: INSTALLATIONS }, () => ({
    ...place,
    id: randomUUID(),
    subscriptionId: randomUUID(),
  }));
  await database.prisma.installation.createMany({ data: installations });
  await database.prisma.roleAssignment.createMany({
    data: installations.map(({ id }) => ({ installationId: id, tenantId, principalId: objectId, role: 'Contributor' as const })),
  });
  await database.pool.query('ANALYZE');
  await database.close();
  return { url: url.href, installationIds: installations.map(({ id }) => id) };
}

async function startDataServers(root: string, folder: string) {
  mkdirSync(join(folder, 'redis'));
  const postgres = await startPostgres({
    root,
    dataFolder: join(folder, 'postgres'),
    programsFolder: join(folder, 'postgres-programs'),
    logFile: join(folder, 'postgres.log'),
    port: await freePort(),
    password: 'bench',
    parameters: { shared_buffers: '256MB' },
  });
  const redis = await startRedis(await findRedis(), {
    dataFolder: join(folder, 'redis'),
    logFile: join(folder, 'redis.log'),
    port: await freePort(),
    durable: true,
  });
  return { postgres, redis };
}

/** The port that a process prints as its first line. */
function printedPort(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`The bare server ended with ${code ?? 'a signal'}.`)));
  });
}

async function startApi(
  root: string,
  folder: string,
  environment: Record<string, string>,
): Promise<{ child: ChildProcess; url: string }> {
  // Inside the clone, so that the bundle finds its packages.
  const built = (await buildApps(root, join(root, 'dist/performance/apps'))).find(({ name }) => name === 'api');
  if (!built) throw new Error('The API was not built.');
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, randomBytes(32).toString('base64'), { mode: 0o600 });
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    API_PORT: port,
    API_PUBLIC_URL: url,
    API_AUDIENCE: AUDIENCE,
    // Still counted, as any caller's.
    API_WRITES_PER_MINUTE: '1000000',
    KEY_ENCRYPTION_KEY_FILE: keyFile,
    LOG_LEVEL: 'info',
  };
  const env = { ...process.env, NODE_ENV: 'production', NOTIFICATION_SECRET: 'bench', ...settings, ...environment };
  const child = spawn(process.execPath, [built.file], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  await until(async () => (await fetch(`${url}/healthz`)).ok, { within: 30_000, because: 'the API is healthy' });
  return { child, url };
}

/** Starts everything; `stop` ends it and removes its files. */
export async function startCreateRequestsBench(root: string): Promise<CreateRequestsBench> {
  const folder = mkdtempSync(join(traversableTemporaryFolder(), 'create-requests-'));
  chmodSync(folder, 0o755);
  const { postgres, redis } = await startDataServers(root, folder);
  const issuer = await startTokenIssuer(AUDIENCE);
  const [service, plain] = [
    await makeDatabase(root, postgres.adminUrl, 'service', issuer),
    await makeDatabase(root, postgres.adminUrl, 'bare', issuer),
  ];
  const api = await startApi(root, folder, {
    DATABASE_URL: service.url,
    DATABASE_MAX_CONNECTIONS: DATABASE_CONNECTIONS,
    REDIS_URL: `${redis.url}/0`,
    ENTRA_AUTHORITY: issuer.authority,
  });
  const script = join(import.meta.dirname, 'bare-create-requests.ts');
  const bare = spawn(process.execPath, ['--import', 'tsx', script, plain.url, `${redis.url}/1`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return {
    api: { url: api.url, installationIds: service.installationIds },
    bare: { url: `http://127.0.0.1:${await printedPort(bare)}`, installationIds: plain.installationIds },
    token: issuer.token,
    chainAudit: async (isChained) => {
      const database = openDatabase({ url: service.url, maxConnections: 1 });
      await database.pool.query(`ALTER TABLE audit_events ${isChained ? 'ENABLE' : 'DISABLE'} TRIGGER link_audit_event`);
      await database.close();
    },
    analyze: async () => {
      for (const { url } of [service, plain]) {
        const database = openDatabase({ url, maxConnections: 1 });
        await database.pool.query('ANALYZE');
        await database.close();
      }
    },
    stop: async () => {
      await Promise.all([stopProcess(api.child), stopProcess(bare)]);
      issuer.stop();
      await Promise.all([postgres.stop(), redis.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
