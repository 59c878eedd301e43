import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PresenceDirectory, type AgentIdentity } from '@managed-consul/agent-protocol';
import { seconds, type Clock, type Milliseconds, type SecretValue } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { SecretStore, type KeyWrapper } from '@managed-consul/secrets';
import type { Redis } from 'ioredis';
import { createAgentListener } from './agent-listener';
import { loadAgentsAuthority } from './agents-authority';
import { Enrolments } from './enrolments';
import { createInternalListener } from './internal-listener';
import { ManagedIdentityVerifier } from './managed-identity-verifier';
import { Tunnels } from './tunnels';

export interface GatewayOptions {
  gatewayId: string;
  database: Database;
  redis: Redis;
  keyWrapper: KeyWrapper;
  entraAuthority: string;
  audience: string;
  tls: { certificatePem: string; keyPem: string };
  agents: { host: string; port: number };
  internal: {
    host: string;
    port: number;
    token: SecretValue;
    /** What the directory names; by default where it listens. */ url?: string;
  };
  artifactsFolder: string;
  certificateLifetime: Milliseconds;
  /** Wakes what waits for the cluster `subject` names; called when an agent connects or reports a new state. */
  nudge: (subject: string) => Promise<void>;
  clock: Clock;
  log: Logger;
  recheckInterval?: Milliseconds;
}

export interface RunningGateway {
  readonly agentPort: number;
  readonly internalUrl: string;
  /** Sends agents elsewhere, lets requests finish, and stops. */
  stop(): Promise<void>;
}

const HEALTH_TIMEOUT = seconds(3);

/** Puts a gateway replica together and starts it. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { clock, database, log, redis, internal, tls } = options;
  const authority = await loadAgentsAuthority(new SecretStore(database.prisma, options.keyWrapper), clock);
  const verifier = new ManagedIdentityVerifier({ authority: options.entraAuthority, audience: options.audience, clock });
  const enrolments = new Enrolments({ database, authority, verifier, clock, certificateLifetime: options.certificateLifetime });
  const nudge = (agent: AgentIdentity) => options.nudge(`cluster/${agent.clusterId}`);

  const internalUrl = internal.url ?? `http://${internal.host}:${internal.port}`;
  const tunnels = new Tunnels({
    gatewayId: options.gatewayId,
    internalUrl,
    presence: new PresenceDirectory(redis),
    enrolments,
    onConnected: (agent) =>
      void nudge(agent).catch((err: unknown) => log.warn({ err }, 'Nobody could be told that an agent has connected')),
    clock,
    log,
    ...(options.recheckInterval === undefined ? {} : { recheckInterval: options.recheckInterval }),
  });
  const checkHealth = async () => {
    await within(HEALTH_TIMEOUT, Promise.all([database.pool.query('SELECT 1'), redis.ping()]));
  };
  const internalServer = createInternalListener({
    token: internal.token,
    tunnels,
    checkHealth,
    tls: internalUrl.startsWith('https:') ? tls : undefined,
    log,
  });
  const agentServer = createAgentListener({
    tls,
    agentsAuthorityPem: authority.certificatePem,
    artifactsFolder: options.artifactsFolder,
    enrolments,
    tunnels,
    onStateChanged: nudge,
    log,
  });

  await listen(internalServer, internal);
  const agentPort = await listen(agentServer, options.agents);
  tunnels.start();
  log.info({ gatewayId: options.gatewayId, agentPort, internalUrl }, 'The gateway has started');
  return { agentPort, internalUrl, stop: () => stop(agentServer, internalServer, tunnels) };
}

/** No new agents first; then those that are here move on; workers last, since their requests run through the tunnels. */
async function stop(agentServer: Server, internalServer: Server, tunnels: Tunnels): Promise<void> {
  const agentsClosed = close(agentServer);
  await tunnels.drain();
  const internalClosed = close(internalServer);
  agentServer.closeAllConnections();
  internalServer.closeAllConnections();
  await Promise.all([agentsClosed, internalClosed]);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function within<Result>(limit: Milliseconds, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
