import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { agentIdentityUri, createAgentClient, PresenceDirectory, type AgentIdentity } from '@managed-consul/agent-protocol';
import { hours, minutes, SecretValue } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import {
  createCertificateAuthority,
  issueCertificate,
  issueClientCertificate,
  LocalKeyFile,
  SecretStore,
  type CertificateAuthority,
} from '@managed-consul/secrets';
import { newCertificateRequest, until } from '@managed-consul/testing';
import { Redis } from 'ioredis';
import { freePort } from '../../tools/processes/free-port';
import { stopProcess } from '../../tools/processes/stop-process';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';
import { fleetReportSchema, type Fleet, type FleetReport } from '../../tools/simulated-agents/fleet.schema';
import { startOwnServers } from './own-servers';

const CLUSTERS = 100;

/** Where a gateway with its database, directory and files is. */
export interface Place {
  root: string;
  folder: string;
  database: Database;
  databaseUrl: string;
  redisUrl: string;
  gatewayCaPem: string;
  token: string;
  agentPort: number;
  internalPort: number;
}

/** Starts a program of the project; its standard error is written to `log` when it ends. */
export const tsx = (root: string, script: string, args: readonly string[], env: NodeJS.ProcessEnv, log: string): ChildProcess => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, script), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json'), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  child.once('exit', () => writeFileSync(log, lines.join('')));
  return child;
};

/** The gateway's own certificate, for 127.0.0.1. Gives its authority. */
async function writeTls(folder: string): Promise<string> {
  const now = new Date();
  const authority = await createCertificateAuthority({ commonName: 'Benchmark', now, lifetimeMs: hours(24) });
  const { request, keyPem } = await newCertificateRequest();
  const names = [{ type: 'ip' as const, value: '127.0.0.1' }];
  const life = { now, lifetimeMs: hours(24) };
  const issued = await issueCertificate(authority, {
    ...{ certificateRequestPem: request, subject: 'CN=gateway', names, usages: ['server'] as const },
    ...life,
  });
  writeFileSync(join(folder, 'gateway.pem'), issued.pem);
  writeFileSync(join(folder, 'gateway-key.pem'), keyPem, { mode: 0o600 });
  writeFileSync(join(folder, 'key-encryption-key'), randomBytes(32).toString('base64'), { mode: 0o600 });
  mkdirSync(join(folder, 'artifacts'));
  return authority.certificatePem;
}

export interface Gateway {
  child: ChildProcess;
  pid: number;
  /** Lines of the log that are warnings or worse. */
  troubles: string[];
}

/** Starts the gateway of the place; given the same ports again, it is the one before after a restart. */
export async function startGateway(place: Place): Promise<Gateway> {
  const { root, folder, token, agentPort, internalPort } = place;
  const internalUrl = `http://127.0.0.1:${internalPort}`;
  const environment = {
    ...{
      DATABASE_URL: place.databaseUrl,
      REDIS_URL: place.redisUrl,
      KEY_ENCRYPTION_KEY_FILE: join(folder, 'key-encryption-key'),
    },
    ...{ ENTRA_AUTHORITY: 'https://127.0.0.1:1', GATEWAY_AUDIENCE: 'api://benchmark', GATEWAY_ID: 'benchmark' },
    ...{ GATEWAY_TLS_CERTIFICATE_FILE: join(folder, 'gateway.pem'), GATEWAY_TLS_KEY_FILE: join(folder, 'gateway-key.pem') },
    ...{ GATEWAY_INTERNAL_TOKEN: token, ARTIFACTS_FOLDER: join(folder, 'artifacts'), LOG_LEVEL: 'warn' },
    ...{ GATEWAY_AGENT_HOST: '127.0.0.1', GATEWAY_AGENT_PORT: String(agentPort) },
    ...{ GATEWAY_INTERNAL_HOST: '127.0.0.1', GATEWAY_INTERNAL_PORT: String(internalPort), GATEWAY_INTERNAL_URL: internalUrl },
  };
  const child = tsx(root, 'apps/gateway/src/main.ts', [], environment, join(folder, 'gateway.err'));
  const troubles: string[] = [];
  if (child.stdout) createInterface(child.stdout).on('line', (line) => troubles.push(line));
  await until(async () => (await fetch(`${internalUrl}/healthz`)).ok, { within: minutes(1), because: 'the gateway is healthy' });
  return { child, pid: child.pid ?? 0, troubles };
}

/** A process of simulated agents and what it said last. */
export interface RunningFleet {
  child: ChildProcess;
  last: FleetReport;
}

function startFleet(place: Place, fleet: Fleet, number: number): RunningFleet {
  const child = tsx(place.root, 'tools/simulated-agents/main.ts', [], {}, join(place.folder, `fleet-${number}.err`));
  const running: RunningFleet = { child, last: { connected: 0, failures: {}, losses: {}, answered: 0 } };
  if (child.stdout)
    createInterface(child.stdout).on('line', (line) => (running.last = fleetReportSchema.parse(JSON.parse(line))));
  child.stdin?.end(JSON.stringify(fleet));
  return running;
}

/** How many agents are connected. */
export const connected = (fleets: readonly RunningFleet[]): number => fleets.reduce((sum, { last }) => sum + last.connected, 0);
/** Waits until so many are. */
export const allConnected = (fleets: readonly RunningFleet[], agents: number) =>
  until(() => Promise.resolve(connected(fleets) === agents), { within: minutes(10), because: `${agents} agents are connected` });
/** Failed tries, or losses, of all, by why. */
export const summed = (fleets: readonly RunningFleet[], of: 'failures' | 'losses'): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const { last } of fleets) for (const [why, count] of Object.entries(last[of])) sums[why] = (sums[why] ?? 0) + count;
  return sums;
};

/** Agents with their certificates. */
export type Crew = Pick<Fleet, 'keyPem' | 'agents'>;

/** Agents of living clusters, each enrolled with a certificate of the gateway's own authority. */
export async function enrol(place: Place, size: number): Promise<Crew> {
  const { prisma } = place.database;
  const secrets = new SecretStore(prisma, await LocalKeyFile.load(join(place.folder, 'key-encryption-key')));
  const stored = JSON.parse((await secrets.get('control-plane', 'agents-authority')).reveal()) as Record<string, string>;
  const authority: CertificateAuthority = {
    certificatePem: stored['certificatePem'] ?? '',
    keyPem: new SecretValue(stored['keyPem'] ?? ''),
  };
  writeFileSync(join(place.folder, 'agents-ca.pem'), authority.certificatePem);
  const where = {
    tenantId: randomUUID(),
    subscriptionId: randomUUID(),
    resourceGroup: 'benchmark',
    region: 'westeurope',
    planId: 'on-demand',
  };
  const installation = await prisma.installation.create({ data: { kind: 'Direct', state: 'Ready', ...where } });
  const clusters = Array.from({ length: CLUSTERS }, (_, index) => ({
    ...{ id: randomUUID(), installationId: installation.id, name: `cluster-${index}`, datacenter: 'dc1', region: 'westeurope' },
    ...{ consulVersion: '1.8.7', servers: 3, vmSize: 'Standard_D2s_v5', planId: 'on-demand', email: 'owner@example.com' },
    networkCidr: `10.${index}.0.0/24`,
  }));
  await prisma.cluster.createMany({ data: clusters });
  const { request, keyPem } = await newCertificateRequest();
  const now = new Date();
  const agents: Fleet['agents'] = [];
  const enrolments = [];
  for (let index = 0; index < size; index += 1) {
    const identity: AgentIdentity = { clusterId: clusters[index % CLUSTERS]?.id ?? '', vmId: `vm-${index}` };
    const issued = await issueClientCertificate(authority, {
      ...{ certificateRequestPem: request, identityUri: agentIdentityUri(identity), commonName: identity.vmId, now },
      lifetimeMs: hours(24),
    });
    agents.push({ ...identity, certificatePem: `${issued.pem}\n${authority.certificatePem}` });
    const known = { certificateSerial: issued.serial, certificateNotAfter: issued.notAfter };
    enrolments.push({ ...identity, ...known, agentVersion: 'simulated', address: '127.0.0.1' });
  }
  for (let from = 0; from < size; from += 1000)
    await prisma.agentEnrolment.createMany({ data: enrolments.slice(from, from + 1000) });
  return { keyPem, agents };
}

/** Has the crew dial a port, from so many processes. */
export function startFleets(place: Place, port: number, { keyPem, agents }: Crew, processes: number): RunningFleet[] {
  const size = Math.ceil(agents.length / processes);
  return Array.from({ length: processes }, (_, number) =>
    startFleet(
      place,
      {
        ...{ gatewayUrl: `https://127.0.0.1:${port}`, gatewayCaPem: place.gatewayCaPem, keyPem, dialledAtOnce: 10 },
        agents: agents.slice(number * size, (number + 1) * size),
      },
      number,
    ),
  );
}

export const stopFleets = (fleets: readonly RunningFleet[]) =>
  Promise.all(fleets.map(({ child }) => stopProcess(child, 'SIGKILL')));

/** Asks some of the agents through the gateway; gives how many did not answer. */
export async function unanswered(place: Place, agents: Fleet['agents'], sample: number): Promise<number> {
  const redis = new Redis(place.redisUrl);
  const client = createAgentClient({ presence: new PresenceDirectory(redis), token: new SecretValue(place.token) });
  let failed = 0;
  for (let index = 0; index < sample; index += 1) {
    const agent = agents[Math.floor((index * agents.length) / sample)];
    if (!agent) continue;
    await client
      .find(agent.clusterId, agent.vmId)
      .then((found) => found.health())
      .catch(() => (failed += 1));
  }
  redis.disconnect();
  return failed;
}

/** Everything that gateways need, in a folder of its own. Stop it in the end. */
export async function openPlace(root: string): Promise<Place & { stop(): Promise<void> }> {
  const servers = await startOwnServers(root);
  const folder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-agents-'));
  chmodSync(folder, 0o755);
  const database = openDatabase({ url: servers.databaseUrl, maxConnections: 4 });
  const connection = { databaseUrl: servers.databaseUrl, redisUrl: servers.redisUrl, token: randomUUID() };
  return {
    ...{ root, folder, database, ...connection, gatewayCaPem: await writeTls(folder) },
    ...{ agentPort: await freePort(), internalPort: await freePort() },
    stop: async () => {
      await database.close();
      await servers.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
