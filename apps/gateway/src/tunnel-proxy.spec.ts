import { once } from 'node:events';
import { createServer as createHttpServer, request, type IncomingMessage, type Server } from 'node:http';
import {
  connect,
  constants,
  createServer as createHttp2Server,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { passOn } from './tunnel-proxy';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

let agent: Http2Server;
let agentSession: ServerHttp2Session;
let tunnel: ClientHttp2Session;
let front: Server;
let onStream: OnStream;

beforeEach(async () => {
  agent = createHttp2Server();
  agent.on('session', (session) => (agentSession = session));
  agent.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  tunnel = connect(`http://127.0.0.1:${(agent.address() as AddressInfo).port}`);
  tunnel.on('error', () => undefined);
  await once(tunnel, 'connect');
  front = createHttpServer((incoming, response) => passOn(tunnel, incoming.url ?? '/', incoming, response));
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
});
afterEach(() => {
  tunnel.destroy();
  agent.close();
  front.closeAllConnections();
  front.close();
});

const ask = (method: string, headers: Record<string, string> = {}) =>
  request({ host: '127.0.0.1', port: (front.address() as AddressInfo).port, path: '/v1/x?a=b', method, headers, agent: false });

async function answerTo(sent: ReturnType<typeof ask>): Promise<IncomingMessage> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

const received = () =>
  new Promise<{ stream: ServerHttp2Stream; headers: IncomingHttpHeaders }>((resolve) => {
    onStream = (stream, headers) => resolve({ stream, headers });
  });

test('a body flows both ways as it comes, not when it is whole', async () => {
  const arrival = received();
  const sent = ask('PUT', { 'transfer-encoding': 'chunked' });
  sent.write('one');
  const { stream, headers } = await arrival;
  expect([headers[':method'], headers[':path']]).toEqual(['PUT', '/v1/x?a=b']);
  const atAgent = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  expect(String((await atAgent.next()).value)).toBe('one');
  stream.respond({ ':status': 200 });
  stream.write('first');
  const atWorker = (await answerTo(sent))[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  expect(String((await atWorker.next()).value)).toBe('first');
  sent.end('two');
  expect(String((await atAgent.next()).value)).toBe('two');
  stream.end('last');
  expect(String((await atWorker.next()).value)).toBe('last');
  expect((await atWorker.next()).done).toBe(true);
});

test('a slow reader holds the sender back instead of filling the memory of the gateway', async () => {
  const arrival = received();
  const sent = ask('GET');
  sent.end();
  const { stream } = await arrival;
  stream.respond({ ':status': 200 });
  const block = Buffer.alloc(1024 * 1024);
  let accepted = 0;
  const total = 64;
  const fill = async () => {
    for (; accepted < total; accepted += 1) if (!stream.write(block)) await once(stream, 'drain');
    stream.end();
  };
  const filling = fill();
  const answer = await answerTo(sent);
  answer.pause();
  await new Promise((resolve) => setImmediate(resolve));
  expect(accepted).toBeLessThan(total / 2);
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) size += part.length;
  await filling;
  expect(size).toBe(total * block.length);
});

test('what belongs to one connection, and the token of the gateways, stays here', async () => {
  const arrival = received();
  const sent = ask('GET', { authorization: 'Bearer internal', connection: 'close', te: 'trailers', 'x-consul-token': 'kept' });
  sent.end();
  const { stream, headers } = await arrival;
  expect(Object.keys(headers).filter((name) => !name.startsWith(':'))).toEqual(['x-consul-token']);
  stream.respond({ ':status': 204, 'x-consul-index': '7' });
  stream.end();
  const answer = await answerTo(sent);
  expect([answer.statusCode, answer.headers['x-consul-index']]).toEqual([204, '7']);
});

test('a worker that gives up is felt by the agent, which never takes half a body for a whole one', async () => {
  const arrival = received();
  const sent = ask('PUT', { 'transfer-encoding': 'chunked' });
  sent.on('error', () => undefined);
  sent.write('half');
  const { stream } = await arrival;
  const aborted = once(stream, 'aborted');
  await once(stream, 'data');
  sent.destroy();
  await aborted;
  expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
});

test('an agent that breaks off in the middle of an answer is felt by the worker', async () => {
  const arrival = received();
  const sent = ask('GET');
  sent.end();
  const { stream } = await arrival;
  stream.respond({ ':status': 200 });
  stream.write('half');
  const answer = await answerTo(sent);
  await once(answer, 'data');
  const failed = once(answer, 'error');
  stream.destroy(new Error('broken off'));
  expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
});

test('a connection that goes in the middle of an answer is felt by the worker', async () => {
  const arrival = received();
  const sent = ask('GET');
  sent.end();
  const { stream } = await arrival;
  stream.respond({ ':status': 200 });
  stream.write('half');
  const answer = await answerTo(sent);
  await once(answer, 'data');
  const failed = once(answer, 'error');
  agentSession.destroy();
  expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
});

test('an agent whose connection goes before it answers is a 502 that says so', async () => {
  const arrival = received();
  const sent = ask('GET');
  sent.end();
  await arrival;
  agentSession.destroy();
  const answer = await answerTo(sent);
  expect([answer.statusCode, answer.headers['x-managed-consul-refusal']]).toEqual([502, 'AgentConnectionLost']);
});
