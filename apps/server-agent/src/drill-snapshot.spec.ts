import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { restoreAndRead } from './drill-snapshot';

const ARCHIVE = 'an archive';
const TOKENS = JSON.stringify([{ AccessorID: 'one', Policies: [] }]);

let folder: string;
let consul: Server;
/** What Consul says to the path instead of what a server in good order does. */
let troubles: Map<string, number>;

const GOOD_ORDER: Readonly<Record<string, string>> = {
  '/v1/acl/token/self?consistent': '{}',
  '/v1/acl/token/self': '{"AccessorID":"own"}',
  '/v1/acl/tokens': TOKENS,
  '/v1/catalog/services': '{"web":[]}',
  '/v1/catalog/service/web': '[{},{}]',
  '/v1/connect/intentions': '[]',
  '/v1/operator/autopilot/configuration': '{}',
  '/v1/kv/?keys': '["a","b"]',
  '/v1/snapshot': '',
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'managed-consul-drill-'));
  writeFileSync(join(folder, 'snapshot.tgz'), ARCHIVE);
  consul = createServer((request, response) => {
    const path = request.url ?? '';
    request.resume().once('end', () => response.writeHead(troubles.get(path) ?? 200).end(GOOD_ORDER[path]));
  }).listen(0, '127.0.0.1');
  await once(consul, 'listening');
});
beforeEach(() => {
  troubles = new Map();
});
afterAll(() => {
  consul.close();
  rmSync(folder, { recursive: true });
});

function drill() {
  const { port } = consul.address() as AddressInfo;
  const address = { host: '127.0.0.1', port, rpcPort: 0, serverName: '', ca: undefined };
  const server = { address, token: randomUUID(), becomesReady: async () => undefined };
  const archive = { path: join(folder, 'snapshot.tgz'), sizeBytes: ARCHIVE.length };
  return restoreAndRead(archive, server, AbortSignal.timeout(60_000), 200);
}

describe('a server that was restored aside', () => {
  it('is read whole', async () => {
    expect(await drill()).toMatchObject({
      services: [{ name: 'web', instances: 2 }],
      aclTokens: [{ accessorId: 'one' }],
      keys: 2,
    });
  });

  it.each([500, 503, 429])('that answers %d when it is read has trouble of its own: no verdict', async (status) => {
    troubles.set('/v1/catalog/services', status);
    await expect(drill()).rejects.toMatchObject({ code: 'ConsulNotReady', mayPass: true });
  });

  it('that refuses to be read, or does not take the archive, speaks against it', async () => {
    troubles.set('/v1/acl/tokens', 403);
    await expect(drill()).rejects.toMatchObject({ code: 'ConsulRefused', mayPass: false });
    troubles = new Map([['/v1/snapshot', 500]]);
    await expect(drill()).rejects.toMatchObject({ code: 'ConsulRefused' });
  });
});
