import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { AGENT_TUNNEL_ALPN } from '@managed-consul/agent-protocol';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { ClientCredential } from './gateway-calls';

/** Why a tunnel ended. `refused`: the gateway does not accept this certificate any more. */
export interface TunnelEnd {
  refused: boolean;
  reason: string;
}

/** An open connection to the gateway on which the gateway asks and the agent answers. */
export interface Tunnel {
  readonly ended: Promise<TunnelEnd>;
  /** Lets requests that are under way finish for `grace`, then cuts. */
  close(grace: Milliseconds): void;
}

export interface TunnelOptions {
  gatewayUrl: string;
  gatewayCaPem: string;
  credential: ClientCredential;
  onSession: (session: ServerHttp2Session) => void;
}

/** Both are long because thousands of agents may come back at once: some connect at a later try of TCP, each waits in line. */
const CONNECT_TIMEOUT = seconds(30);
const HANDSHAKE_TIMEOUT = seconds(60);
const PING_INTERVAL = seconds(20);
const PING_TIMEOUT = seconds(10);
const DRAIN_TIMEOUT = seconds(30);

/** Dials the gateway and hands the connection's server side to `onSession`. Resolves once the gateway has spoken HTTP/2; throws otherwise. */
export async function openTunnel(options: TunnelOptions): Promise<Tunnel> {
  const socket = await dial(options);
  const session = performServerHandshake(socket);
  const ended = watch(session, socket);
  options.onSession(session);
  await gatewayHasSpoken(session, ended);
  const pings = setInterval(() => ping(session), PING_INTERVAL);
  void ended.then(() => clearInterval(pings));
  return {
    ended,
    close: (grace) => {
      if (session.destroyed) return;
      session.close();
      setTimeout(() => session.destroy(), grace).unref();
    },
  };
}

function dial({ gatewayUrl, gatewayCaPem, credential }: TunnelOptions): Promise<TLSSocket> {
  const { hostname, port } = new URL(gatewayUrl);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ca: gatewayCaPem,
      key: credential.keyPem,
      cert: credential.certificatePem,
      ALPNProtocols: [AGENT_TUNNEL_ALPN],
      minVersion: 'TLSv1.2',
      timeout: CONNECT_TIMEOUT,
    });
    socket.once('connect', () => socket.setTimeout(HANDSHAKE_TIMEOUT));
    socket.once('timeout', () => socket.destroy(new Error('The gateway did not finish the TLS handshake in time.')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      // Until the HTTP/2 session takes over, an error without a listener would end the process.
      socket.on('error', () => undefined);
      if (socket.alpnProtocol === AGENT_TUNNEL_ALPN) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new Error('The other side is no gateway: it does not speak the tunnel protocol.'));
    });
  });
}

function watch(session: ServerHttp2Session, socket: TLSSocket): Promise<TunnelEnd> {
  let reason = 'The gateway closed the connection.';
  let refused = false;
  session.on('error', (error: Error) => {
    reason = error.message;
  });
  return new Promise((resolve) => {
    session.on('goaway', (code: number, _last: number, detail?: Uint8Array) => {
      refused ||= code === constants.NGHTTP2_INADEQUATE_SECURITY;
      if (detail && detail.length > 0) reason = Buffer.from(detail).toString('utf8');
      if (code !== constants.NGHTTP2_NO_ERROR) return;
      // The gateway drains: what is under way here ends in peace while a new tunnel is dialled.
      setTimeout(() => session.destroy(), DRAIN_TIMEOUT).unref();
      resolve({ refused, reason: 'The gateway sends its agents elsewhere.' });
    });
    const end = () => {
      session.destroy();
      resolve({ refused, reason });
    };
    session.once('close', end);
    socket.once('close', end);
  });
}

async function gatewayHasSpoken(session: ServerHttp2Session, ended: Promise<TunnelEnd>): Promise<void> {
  const limit = setTimeout(() => session.destroy(new Error('The gateway did not speak HTTP/2 in time.')), HANDSHAKE_TIMEOUT);
  try {
    const spoken = new Promise<true>((resolve) => session.once('remoteSettings', () => resolve(true)));
    await Promise.race([spoken, ended]);
  } finally {
    clearTimeout(limit);
  }
}

/** A connection can be dead without either side being told; a ping without an answer shows it. */
function ping(session: ServerHttp2Session): void {
  if (session.destroyed || session.closed) return;
  const limit = setTimeout(() => session.destroy(new Error('The gateway no longer answers.')), PING_TIMEOUT);
  session.ping(() => clearTimeout(limit));
}
