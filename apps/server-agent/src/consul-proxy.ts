import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { IncomingHttpHeaders as Http2Headers, ServerHttp2Stream } from 'node:http2';
import { Agent, request } from 'node:https';
import { pipeline } from 'node:stream';
import { CONSUL_PROXY_PREFIX, REFUSAL_HEADER } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import type { ConsulAddress } from './consul-configuration';
import { refuse } from './answers';

/** RFC 9110 7.6.1 and RFC 9113 8.2.2: they speak of one connection and must not travel on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
]);

const CONNECT_TIMEOUT = seconds(5);

/** Passes requests on to this machine's Consul over HTTPS; bodies stream both ways, and whoever gives up first ends both. */
export class ConsulProxy {
  #agent: { key: string; agent: Agent } | undefined;

  /** `address` undefined: nothing was installed yet. */
  forward(stream: ServerHttp2Stream, headers: Http2Headers, address: ConsulAddress | undefined): void {
    if (!address) {
      refuse(stream, 503, 'ConsulNotInstalled', 'This machine has no Consul yet.');
      return;
    }
    const path = headers[':path']?.slice(CONSUL_PROXY_PREFIX.length) ?? '';
    if (!path.startsWith('/')) {
      refuse(stream, 404, 'RouteNotFound', 'The path of the request to Consul must begin with "/".');
      return;
    }
    const upstream = request({
      host: address.host,
      port: address.port,
      path,
      method: headers[':method'] ?? 'GET',
      headers: requestHeaders(headers, address),
      agent: this.#agentFor(address),
    });
    const connecting = setTimeout(() => upstream.destroy(new Error('Consul does not accept the connection.')), CONNECT_TIMEOUT);
    upstream.once('socket', (socket) => {
      if (socket.connecting) socket.once('secureConnect', () => clearTimeout(connecting));
      else clearTimeout(connecting);
    });
    stream.once('close', () => {
      clearTimeout(connecting);
      upstream.destroy();
    });
    upstream.once('error', (error) => fail(stream, error));
    upstream.once('response', (answer) => {
      if (stream.destroyed) return void upstream.destroy();
      stream.respond({ ...responseHeaders(answer.headers), ':status': answer.statusCode ?? 502 }, { endStream: false });
      // When Consul breaks off, this resets the stream; half an answer never passes for a whole one.
      pipeline(answer, stream, () => undefined);
    });
    stream.on('error', () => upstream.destroy());
    // A body that was reset ends like a whole one, so the reset has to be heard before the end.
    stream.on('aborted', () => upstream.destroy());
    stream.pipe(upstream);
  }

  /** Connections are kept for one address and authority only. */
  #agentFor({ host, port, serverName, ca }: ConsulAddress): Agent {
    const key = JSON.stringify([host, port, serverName, ca]);
    if (this.#agent?.key !== key) {
      this.#agent?.agent.destroy();
      this.#agent = { key, agent: new Agent({ ca, servername: serverName, keepAlive: true, maxFreeSockets: 4 }) };
    }
    return this.#agent.agent;
  }
}

function fail(stream: ServerHttp2Stream, error: Error): void {
  if (stream.destroyed) return;
  if (stream.headersSent) stream.destroy(error);
  else refuse(stream, 503, 'ConsulNotReachable', `Consul on this machine cannot be reached: ${error.message}`);
}

function requestHeaders(headers: Http2Headers, { serverName }: ConsulAddress): OutgoingHttpHeaders {
  const passed = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !HOP_BY_HOP.has(name));
  return { ...Object.fromEntries(passed), host: serverName };
}

function responseHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && name !== REFUSAL_HEADER));
}
