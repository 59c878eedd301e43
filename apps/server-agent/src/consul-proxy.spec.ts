import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  connect,
  createServer as createHttp2Server,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
} from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hours } from '@managed-consul/config';
import { createCertificateAuthority, issueConsulServerCertificate } from '@managed-consul/secrets';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCertificateRequest, newPrivateKey } from './certificate-request';
import type { ConsulAddress } from './consul-configuration';
import { ConsulProxy } from './consul-proxy';

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

let consul: Server;
let onRequest: OnRequest;
let address: ConsulAddress;
let current: ConsulAddress | undefined;
let agent: Http2Server;
let tunnel: ClientHttp2Session;

beforeAll(async () => {
  const now = new Date();
  const authority = await createCertificateAuthority({ commonName: 'Cluster CA', now, lifetimeMs: hours(1) });
  const key = newPrivateKey();
  const certificateRequestPem = createCertificateRequest(createPrivateKey(key), 's0.server.dc1.consul');
  const about = { datacenter: 'dc1', nodeName: 's0', addresses: ['127.0.0.1'], now, lifetimeMs: hours(1) };
  const { pem } = await issueConsulServerCertificate(authority, { certificateRequestPem, ...about });
  consul = createServer({ key, cert: pem }, (request, response) => onRequest(request, response));
  consul.listen(0, '127.0.0.1');
  await once(consul, 'listening');
  const { port } = consul.address() as AddressInfo;
  address = { host: '127.0.0.1', port, rpcPort: 8300, serverName: 'server.dc1.consul', ca: authority.certificatePem };

  const proxy = new ConsulProxy();
  agent = createHttp2Server();
  agent.on('stream', (stream, headers) => proxy.forward(stream, headers, current));
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  tunnel = connect(`http://127.0.0.1:${(agent.address() as AddressInfo).port}`);
});
afterAll(() => {
  tunnel.destroy();
  agent.close();
  consul.closeAllConnections();
  consul.close();
});

function ask(headers: Record<string, string>, endStream = true) {
  const stream = tunnel.request({ ':path': '/v1/consul/v1/kv/key?raw', ...headers }, { endStream });
  stream.on('error', () => undefined);
  return stream;
}

async function answerTo(stream: ReturnType<typeof ask>): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  let body = '';
  for await (const part of stream as AsyncIterable<Buffer>) body += part.toString();
  return { headers, body };
}

test('Consul gets the request as it was meant, and its answer comes back whatever it is', async () => {
  current = address;
  onRequest = (request, response) => {
    const { url, headers } = request;
    response.writeHead(429, { 'x-consul-index': '7', connection: 'keep-alive' });
    response.end(JSON.stringify({ url, token: headers['x-consul-token'], host: headers.host }));
  };
  const { headers, body } = await answerTo(ask({ 'x-consul-token': 'token' }));
  expect([headers[':status'], headers['x-consul-index']]).toEqual([429, '7']);
  expect(headers['x-managed-consul-refusal']).toBeUndefined();
  expect(JSON.parse(body)).toEqual({ url: '/v1/kv/key?raw', token: 'token', host: 'server.dc1.consul' });
});

test('an upload that breaks off reaches Consul as broken off, not as complete', async () => {
  current = address;
  const outcome = new Promise<string>((resolve) => {
    onRequest = (request) => {
      request.on('error', () => resolve('broken off'));
      request.on('end', () => resolve('complete'));
      request.once('data', () => stream.destroy(new Error('the worker gave up')));
    };
  });
  const stream = ask({ ':method': 'PUT' }, false);
  stream.write('half of a snapshot');
  expect(await outcome).toBe('broken off');
});

test('an answer that Consul breaks off is reset, not ended', async () => {
  current = address;
  onRequest = (request, response) => {
    response.write('half', () => request.socket.destroy());
  };
  const stream = ask({});
  stream.resume();
  await expect(once(stream, 'end')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
});

test('whoever stops waiting ends the request at Consul too', async () => {
  current = address;
  const closed = new Promise<void>((resolve) => {
    onRequest = (request) => {
      request.socket.once('close', () => resolve());
      stream.destroy();
    };
  });
  const stream = ask({});
  await closed;
});

test.each([
  ['nothing is installed', () => undefined, 'ConsulNotInstalled'],
  ['Consul does not listen', () => ({ ...address, port: 1 }), 'ConsulNotReachable'],
  ['Consul shows another name', () => ({ ...address, serverName: 'server.dc2.consul' }), 'ConsulNotReachable'],
])('when %s the agent says so itself', async (_when, where, code) => {
  current = where();
  const { headers, body } = await answerTo(ask({}));
  expect([headers[':status'], headers['x-managed-consul-refusal']]).toEqual([503, code]);
  expect((JSON.parse(body) as { error: { code: string } }).error.code).toBe(code);
});
