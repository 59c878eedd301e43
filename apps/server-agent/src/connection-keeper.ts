import type { ServerHttp2Session } from 'node:http2';
import { seconds, type Milliseconds } from '@managed-consul/config';
import { Backoff } from './backoff';
import { GatewayRefusedError, type GatewayCalls } from './gateway-calls';
import type { IdentityKeeper } from './identity-keeper';
import type { Log } from './log';
import { openTunnel, type Tunnel, type TunnelEnd } from './tunnel';

export interface ConnectionKeeperOptions {
  gatewayUrl: string;
  gatewayCaPem: string;
  gateway: GatewayCalls;
  identity: IdentityKeeper;
  onSession: (session: ServerHttp2Session) => void;
  log: Log;
  /** How often the certificate's age is looked at (default 30 s). */
  renewalCheck?: Milliseconds;
}

/** A tunnel that lives shorter than this does not count as a success: else two machines with one name would fight at full speed. */
const STABLE_AFTER = seconds(10);
const GRACE = seconds(10);

/** Keeps one tunnel to the gateway open for as long as the agent runs, whatever happens to network, gateway or certificate. */
export class ConnectionKeeper {
  readonly #options: ConnectionKeeperOptions;
  readonly #stop = new AbortController();
  readonly #backoff = new Backoff();
  #running: Promise<void> | undefined;
  #announcing = false;
  #announceAgain = false;

  constructor(options: ConnectionKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const renewals = setInterval(() => void this.#renew(), this.#options.renewalCheck ?? seconds(30));
    this.#stop.signal.addEventListener('abort', () => clearInterval(renewals));
    this.#running = this.#keepConnected();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Tells the gateway that the reported state changed. Best effort: who waits looks by itself as well. */
  async announceStateChange(): Promise<void> {
    this.#announceAgain = true;
    if (this.#announcing) return;
    this.#announcing = true;
    const backoff = new Backoff();
    for (let tries = 0; this.#announceAgain && tries < 5 && !this.#stop.signal.aborted; tries += 1) {
      this.#announceAgain = false;
      const identity = this.#options.identity.present;
      if (!identity) break;
      try {
        await this.#options.gateway.announceStateChange(identity);
        tries = 0;
      } catch (error) {
        this.#announceAgain = !(error instanceof GatewayRefusedError);
        this.#options.log.debug({ error }, 'The gateway could not be told of a new state');
        await backoff.wait(this.#stop.signal);
      }
    }
    this.#announcing = false;
  }

  async #keepConnected(): Promise<void> {
    const stopped = new Promise<undefined>((resolve) => this.#stop.signal.addEventListener('abort', () => resolve(undefined)));
    while (!this.#stop.signal.aborted) {
      try {
        await this.#connectOnce(stopped);
      } catch (error) {
        this.#options.log.warn({ error }, 'The agent is not connected');
      }
      await this.#backoff.wait(this.#stop.signal);
    }
  }

  /** One tunnel's life; a renewed certificate replaces the tunnel without a gap, since the gateway takes the newest of a machine. */
  async #connectOnce(stopped: Promise<undefined>): Promise<void> {
    const { identity, log } = this.#options;
    let tunnel = await this.#open();
    let openedAt = Date.now();
    for (;;) {
      const renewed = new Promise<'renewed'>((resolve) => identity.onChange(() => resolve('renewed')));
      const outcome = await Promise.race([tunnel.ended, renewed, stopped]);
      if (outcome === 'renewed') {
        const next = await this.#open();
        tunnel.close(GRACE);
        tunnel = next;
        openedAt = Date.now();
        continue;
      }
      if (outcome === undefined) tunnel.close(0);
      else await this.#ended(outcome, Date.now() - openedAt);
      log.info({ reason: outcome?.reason ?? 'the agent stops' }, 'The tunnel has ended');
      return;
    }
  }

  async #open(): Promise<Tunnel> {
    const { identity, gatewayUrl, gatewayCaPem, onSession, log } = this.#options;
    const credential = await identity.ensure();
    const tunnel = await openTunnel({ gatewayUrl, gatewayCaPem, credential, onSession });
    log.info({ clusterId: credential.clusterId }, 'The tunnel is open');
    return tunnel;
  }

  async #ended(end: TunnelEnd, lived: Milliseconds): Promise<void> {
    if (end.refused) await this.#options.identity.forget();
    else if (lived > STABLE_AFTER) this.#backoff.reset();
  }

  async #renew(): Promise<void> {
    try {
      await this.#options.identity.renewIfDue();
    } catch (error) {
      this.#options.log.warn({ error }, 'The client certificate could not be renewed yet');
    }
  }
}
