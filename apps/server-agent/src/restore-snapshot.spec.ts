import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putSnapshot } from './restore-snapshot';

const ARCHIVE = 'an archive';

let folder: string;
let consul: Server;
/** What Consul has been asked, as `METHOD path`. */
let asked: string[] = [];
/** What the leader says to consistent reads, the next first; the last one stays. */
let answers: number[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'managed-consul-restore-'));
  writeFileSync(join(folder, 'snapshot.tgz'), ARCHIVE);
  let isLed = false;
  // As Consul's leader does: it lets a token in before it has begun, and a restore in between fails.
  consul = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url?.endsWith('?consistent')) {
      const status = (answers.length > 1 ? answers.shift() : answers[0]) ?? 200;
      isLed = status === 200;
      response.writeHead(status).end(isLed ? '{}' : 'Not ready to serve consistent reads');
    } else if (request.method === 'PUT' && !isLed) {
      request.resume().once('end', () => response.writeHead(500).end('leadership has not been established'));
    } else request.resume().once('end', () => response.writeHead(200).end('{}'));
  }).listen(0, '127.0.0.1');
  await once(consul, 'listening');
});
afterAll(() => {
  consul.close();
  rmSync(folder, { recursive: true });
});

function put(ledWithin?: number): Promise<void> {
  const { port } = consul.address() as AddressInfo;
  const address = { host: '127.0.0.1', port, rpcPort: 0, serverName: '', ca: undefined };
  const signal = AbortSignal.timeout(60_000);
  return putSnapshot(join(folder, 'snapshot.tgz'), ARCHIVE.length, { address, token: randomUUID(), signal }, ledWithin);
}

describe('putSnapshot', () => {
  it('waits until the leader has begun: a restore before would be said to have failed', async () => {
    [asked, answers] = [[], [500, 403, 500, 200]];
    await put();
    expect(asked.filter((line) => line.startsWith('PUT'))).toEqual(['PUT /v1/snapshot']);
    expect(asked.at(-1)).toBe('PUT /v1/snapshot');
  });

  it('gives up, with nothing restored, when its token stays refused', async () => {
    [asked, answers] = [[], [403]];
    await expect(put(300)).rejects.toMatchObject({ code: 'ConsulNotReady', mayPass: false });
    expect(asked.some((line) => line.startsWith('PUT'))).toBe(false);
  });
});
