import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { readBlob } from './read-blob';
import { SnapshotBlob } from './snapshot-blob';

const CONTENT = randomBytes(100_000);
const SHORT = { call: 300, idle: 300 };
/** Only for calls that are not to end by their patience. */
const LONG = { call: 60_000, idle: 60_000 };
const never = () => new AbortController().signal;

const servers = new Set<Server>();
const connections = new Set<Socket>();

afterEach(() => {
  for (const connection of connections) connection.destroy();
  for (const server of servers) server.close();
  connections.clear();
  servers.clear();
});

async function listen(server: Server | HttpServer): Promise<number> {
  servers.add(server);
  server.on('connection', (connection: Socket) => connections.add(connection.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** Takes connections and never says a word. */
const silent = () => listen(createServer());

/** Gives so many bytes of what is asked for to each request, the last number for ever; then breaks off or stands still. */
function halting(then: 'breaks' | 'stands still', ...sent: number[]): Promise<number> {
  return listen(
    createHttpServer((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(String(request.headers['x-ms-range'] ?? request.headers.range))?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': String(CONTENT.length - from), etag: '"one"' });
      const bytes = sent.length > 1 ? sent.shift() : sent[0];
      response.write(CONTENT.subarray(from, from + (bytes ?? 0)), () => then === 'breaks' && response.destroy());
    }),
  );
}

const blobAt = (port: number, scheme = 'http') => `${scheme}://127.0.0.1:${port}/account/container/blob`;

describe('reading a blob', () => {
  it('gives up storage that does not answer', async () => {
    const reading = readBlob(blobAt(await silent()), never(), { ...LONG, call: 300 });
    await expect(reading).rejects.toMatchObject({ code: 'SnapshotUnreadable', mayPass: true });
  });

  it.each(['breaks', 'stands still'] as const)('goes on where a connection %s', async (then) => {
    const body = await readBlob(blobAt(await halting(then, 50_000, 20_000, 30_000)), never(), { ...LONG, idle: 300 });
    expect((await buffer(body)).equals(CONTENT)).toBe(true);
  });

  it.each(['breaks', 'stands still'] as const)('gives up when every connection %s', async (then) => {
    const body = await readBlob(blobAt(await halting(then, 50_000, 1)), never(), { ...LONG, idle: 100 });
    await expect(buffer(body)).rejects.toMatchObject({ code: 'SnapshotUnreadable', mayPass: true });
  });

  it('ends at once when the task is over', async () => {
    const over = new AbortController();
    const body = await readBlob(blobAt(await halting('stands still', 50_000)), over.signal, LONG);
    body.once('data', () => over.abort());
    await expect(buffer(body)).rejects.toThrow();
  });
});

describe('storing a blob', () => {
  it('gives up storage that does not answer', async () => {
    const blob = await SnapshotBlob.open(blobAt(await silent(), 'https'), () => Promise.resolve('a token'), SHORT);
    const source = async function* () {
      yield await Promise.resolve(CONTENT);
    };
    await expect(blob.store(source(), never())).rejects.toMatchObject({ code: 'StorageNotReachable', mayPass: true });
    await expect(blob.remove()).rejects.toMatchObject({ code: 'StorageNotReachable', mayPass: true });
  });
});
