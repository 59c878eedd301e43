import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PresenceDirectory, type AgentIdentity } from '@managed-consul/agent-protocol';
import type { Clock, Milliseconds, SecretValue } from '@managed-consul/config';
import { answers, type Database } from '@managed-consul/database';
import { InternalListener, type Logger, type Metrics } from '@managed-consul/observability';
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
    /** Opens the diagnostics only; nobody else than workers is let in without it. */
    diagnosticsToken?: SecretValue | undefined;
    /** What the directory names; by default where it listens. */ url?: string;
  };
  artifactsFolder: string;
  certificateLifetime: Milliseconds;
  /** Wakes what waits for the cluster `subject` names; called when an agent connects or reports a new state. */
  nudge: (subject: string) => Promise<void>;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  recheckInterval?: Milliseconds;
}

export interface RunningGateway {
  readonly agentPort: number;
  readonly internalUrl: string;
  /** Sends agents elsewhere, lets requests finish, and stops. */
  stop(): Promise<void>;
}

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
    metrics: options.metrics,
    ...(options.recheckInterval === undefined ? {} : { recheckInterval: options.recheckInterval }),
  });
  const { metrics } = options;
  metrics.gauge('managed_consul_agent_connections', 'Agents that this gateway holds.', [], async () => [
    { labels: {}, value: tunnels.size },
  ]);
  const about = new InternalListener({ database: () => answers(database), redis: () => redis.ping().then(() => true) }, metrics);
  const internalServer = createInternalListener({
    token: internal.token,
    diagnosticsToken: internal.diagnosticsToken,
    tunnels,
    about,
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
  return { agentPort, internalUrl, stop: () => (about.leave(), stop(agentServer, internalServer, tunnels)) };
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

/** Connections that the system keeps until they are taken up; all agents may come back at once. */
const BACKLOG = 4096;

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, BACKLOG, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
