import { randomUUID } from 'node:crypto';
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { PRESENCE_REFRESH, type AgentIdentity, type AgentPresence, type PresenceDirectory } from '@managed-consul/agent-protocol';
import { seconds, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Logger, Metrics, Tally } from '@managed-consul/observability';
import type { CertificateHolder, Enrolments } from './enrolments';

export interface TunnelsOptions {
  gatewayId: string;
  internalUrl: string;
  presence: PresenceDirectory;
  enrolments: Enrolments;
  /** Called when an agent has connected. */
  onConnected: (agent: AgentIdentity) => void;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** How often each connected agent's right to be here is looked at again (default 15 s). */
  recheckInterval?: Milliseconds;
}

/** An agent as its client certificate names it. */
export interface CertifiedAgent extends CertificateHolder {
  certificateNotAfter: Date;
}

interface Tunnel {
  readonly session: ClientHttp2Session;
  readonly presence: AgentPresence;
  readonly certificateNotAfter: Date;
  readonly certificateSerial: string;
  unansweredPings: number;
}

const PING_INTERVAL = seconds(15);
const UNANSWERED_PINGS = 2;
/** What a tunnel that is replaced or drained has left for requests under way. */
const GRACE = seconds(10);
const AGENTS_PER_QUERY = 1000;

/**
 * The agents' connections that this replica holds. One timer of each kind serves them all: at ten thousand agents a timer,
 * a closure and a promise for each would weigh as much as the connection.
 */
export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #timers: NodeJS.Timeout[] = [];
  #draining = false;

  readonly #connects: Tally;
  readonly #refusals: Tally;

  constructor(options: TunnelsOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#connects = metrics.counter('managed_consul_agent_connects_total', 'Connections of agents that were taken.');
    this.#refusals = metrics.counter(
      'managed_consul_agent_refusals_total',
      'Connections of agents that were refused or ended for good.',
    );
  }

  get size(): number {
    return this.#tunnels.size;
  }

  start(): void {
    const every = (interval: Milliseconds, work: () => Promise<void> | void, failed: string) => {
      let busy = false;
      const run = async () => {
        if (busy) return;
        busy = true;
        try {
          await work();
        } catch (err) {
          this.#options.log.warn({ err }, failed);
        } finally {
          busy = false;
        }
      };
      this.#timers.push(setInterval(() => void run(), interval));
    };
    every(PRESENCE_REFRESH, () => this.#refreshPresence(), 'Presence could not be refreshed');
    every(PING_INTERVAL, () => this.#ping(), 'Agents could not be pinged');
    every(this.#options.recheckInterval ?? seconds(15), () => this.#recheck(), "Agents' rights could not be looked at");
  }

  /** Takes over a TLS connection whose agent was certified: looks whether it may be here, then speaks HTTP/2 as the client. */
  async accept(socket: TLSSocket, agent: CertifiedAgent): Promise<void> {
    socket.on('error', () => undefined);
    const allowed = await this.#options.enrolments.isAllowed(agent);
    if (socket.destroyed) return;
    if (this.#draining) return void socket.destroy();
    const session = openSession(socket);
    if (!allowed) {
      this.#refuse(session, 'The enrolment was revoked or replaced, or the cluster was deleted.');
      return;
    }
    await this.#adopt(session, agent);
  }

  /** Tells a connection without a good client certificate why it ends. */
  refuseUncertified(socket: TLSSocket, reason: string): void {
    socket.on('error', () => undefined);
    this.#refuse(openSession(socket), reason);
  }

  /** The session of a connected agent; undefined when this replica does not hold it. */
  find(clusterId: string, vmId: string): ClientHttp2Session | undefined {
    const session = this.#tunnels.get(keyOf({ clusterId, vmId }))?.session;
    return session && !session.closed && !session.destroyed ? session : undefined;
  }

  /** Sends every agent elsewhere: they leave the directory, requests under way may finish within `GRACE`. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const timer of this.#timers) clearInterval(timer);
    const held = [...this.#tunnels.values()];
    await this.#options.presence.forget(held.map((tunnel) => tunnel.presence)).catch((err: unknown) => {
      this.#options.log.warn({ err }, 'Presence could not be taken back; it ends by itself');
    });
    await Promise.all(held.map(({ session }) => closeGently(session)));
  }

  async #adopt(session: ClientHttp2Session, agent: CertifiedAgent): Promise<void> {
    const { gatewayId, internalUrl, clock, presence, log, onConnected } = this.#options;
    const { clusterId, vmId, certificateNotAfter, certificateSerial } = agent;
    const tunnel: Tunnel = {
      session,
      certificateNotAfter,
      certificateSerial,
      unansweredPings: 0,
      presence: { clusterId, vmId, gatewayId, internalUrl, connectionId: randomUUID(), connectedAt: clock.now().toISOString() },
    };
    const key = keyOf(agent);
    const older = this.#tunnels.get(key);
    this.#tunnels.set(key, tunnel);
    session.once('close', () => this.#ended(key, tunnel));
    if (older) void closeGently(older.session);
    this.#connects.add();
    log.info({ clusterId, vmId, connectionId: tunnel.presence.connectionId }, 'An agent has connected');
    // Without Redis the tunnel is kept: the next refresh writes what could not be written now.
    await presence.claim(tunnel.presence).catch((err: unknown) => log.warn({ err }, 'Presence could not be written'));
    onConnected({ clusterId, vmId });
  }

  #ended(key: string, tunnel: Tunnel): void {
    if (this.#tunnels.get(key) === tunnel) this.#tunnels.delete(key);
    const { clusterId, vmId, connectionId } = tunnel.presence;
    this.#options.log.info({ clusterId, vmId, connectionId }, 'An agent has disconnected');
    this.#options.presence.forget([tunnel.presence]).catch(() => undefined);
  }

  async #refreshPresence(): Promise<void> {
    const { presence, log } = this.#options;
    const replaced = await presence.refresh([...this.#tunnels.values()].map((tunnel) => tunnel.presence));
    for (const { clusterId, vmId, connectionId } of replaced) {
      const tunnel = this.#tunnels.get(keyOf({ clusterId, vmId }));
      if (tunnel?.presence.connectionId !== connectionId) continue;
      log.info({ clusterId, vmId, connectionId }, 'The agent has a newer connection elsewhere');
      void closeGently(tunnel.session);
    }
  }

  #ping(): void {
    for (const tunnel of this.#tunnels.values()) {
      const { session } = tunnel;
      if (session.closed || session.destroyed) continue;
      if (tunnel.unansweredPings >= UNANSWERED_PINGS) {
        session.destroy(new Error('The agent no longer answers.'));
        continue;
      }
      tunnel.unansweredPings += 1;
      session.ping(() => (tunnel.unansweredPings = 0));
    }
  }

  /** TLS looks at a certificate only once, and a deleted cluster closes nothing by itself. */
  async #recheck(): Promise<void> {
    const held = [...this.#tunnels.values()];
    const now = this.#options.clock.now();
    for (let start = 0; start < held.length; start += AGENTS_PER_QUERY) {
      const some = held.slice(start, start + AGENTS_PER_QUERY);
      const holders = some.map(({ presence: { clusterId, vmId }, certificateSerial }) => ({
        clusterId,
        vmId,
        certificateSerial,
      }));
      const allowed = new Set((await this.#options.enrolments.findAllowed(holders)).map(keyOf));
      for (const { session, presence, certificateNotAfter } of some) {
        if (certificateNotAfter <= now) this.#refuse(session, 'The client certificate has expired.');
        else if (!allowed.has(keyOf(presence)))
          this.#refuse(session, 'The enrolment was revoked or replaced, or the cluster was deleted.');
      }
    }
  }

  /** The code tells the agent that its certificate is the reason, so that it enrols again instead of trying the same. */
  #refuse(session: ClientHttp2Session, reason: string): void {
    this.#refusals.add();
    this.#options.log.info({ reason }, 'An agent was refused');
    if (session.closed || session.destroyed) return;
    session.goaway(constants.NGHTTP2_INADEQUATE_SECURITY, 0, Buffer.from(reason));
    void closeGently(session, seconds(1));
  }
}

const keyOf = ({ clusterId, vmId }: AgentIdentity): string => `${clusterId}/${vmId}`;

function openSession(socket: TLSSocket): ClientHttp2Session {
  const session = connect('https://agent', { createConnection: () => socket, settings: { enablePush: false } });
  session.on('error', () => undefined);
  return session;
}

function closeGently(session: ClientHttp2Session, grace: Milliseconds = GRACE): Promise<void> {
  if (session.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const limit = setTimeout(() => session.destroy(), grace);
    session.once('close', () => {
      clearTimeout(limit);
      resolve();
    });
    session.close();
  });
}
