import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders as Http2Headers } from 'node:http2';
import { pipeline } from 'node:stream';
import { traceHeaders } from '@managed-consul/tracing';
import { RequestRefused } from './request-refused';

/** RFC 9110 7.6.1 and RFC 9113 8.2.2: they speak of one connection and must not travel on. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Passes a worker's request on to an agent. Bodies stream both ways under HTTP/2's flow control; when either side gives up,
 * the other is told at once. The gateways' own bearer token stays here. Throws `RequestRefused` when the tunnel has just gone.
 * Gives the stream to the agent.
 */
export function passOn(
  session: ClientHttp2Session,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): ClientHttp2Stream {
  const headers = { ...requestHeaders(request.headers), ...traceHeaders() };
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  const stream = open(session, path, request.method ?? 'GET', headers, !hasBody);
  let answered = false;
  stream.once('response', (headers) => {
    answered = true;
    response.writeHead(headers[':status'] ?? 502, responseHeaders(headers));
    stream.pipe(response, { end: false });
  });
  stream.on('error', () => undefined);
  // Node ends a stream's body in the same way whether it was whole or reset; only the code tells a whole answer from a torn one.
  stream.once('close', () => {
    if (!answered) refuse(response);
    else if (stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.readableEnded) response.end();
    else response.destroy();
  });
  response.once('close', () => {
    // Not `close()`: that ends the request's body first, and half a body would pass for a whole one.
    if (!response.writableFinished) stream.destroy(new Error('The worker gave up.'));
  });
  if (hasBody) pipeline(request, stream, () => undefined);
  return stream;
}

function open(
  session: ClientHttp2Session,
  path: string,
  method: string,
  headers: OutgoingHttpHeaders,
  endStream: boolean,
): ClientHttp2Stream {
  try {
    return session.request({ ...headers, ':method': method, ':path': path }, { endStream });
  } catch (cause) {
    throw new RequestRefused(503, 'AgentNotConnected', 'The agent has just disconnected.', cause);
  }
}

function refuse(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  const code = 'AgentConnectionLost';
  response.writeHead(502, { 'content-type': 'application/json', 'x-managed-consul-refusal': code });
  response.end(JSON.stringify({ error: { code, message: 'The agent ended the request without an answer.' } }));
}

function requestHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && name !== 'authorization'));
}

function responseHeaders(headers: Http2Headers): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':') && !HOP_BY_HOP.has(name)));
}
