import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretValue } from '@managed-consul/config';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { testRedisUrl } from '@managed-consul/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAgentClient } from './agent-client';
import { REFUSAL_HEADER } from './messages.schema';
import { PresenceDirectory, type AgentPresence } from './presence';

let redis: Redis;
let directory: PresenceDirectory;

beforeAll(async () => {
  redis = new Redis(await testRedisUrl());
  directory = new PresenceDirectory(redis);
});
afterAll(() => redis.disconnect());

const newPresence = (changes: Partial<AgentPresence> = {}): AgentPresence => ({
  clusterId: randomUUID(),
  vmId: randomUUID(),
  gatewayId: 'one',
  internalUrl: 'http://127.0.0.1:1',
  connectionId: randomUUID(),
  connectedAt: new Date().toISOString(),
  ...changes,
});

test('the newest claim stands: an older connection is told so when it refreshes, and cannot take the entry away', async () => {
  const older = newPresence();
  const newer = { ...older, gatewayId: 'two', connectionId: randomUUID() };
  await directory.claim(older);
  await directory.claim(newer);
  expect(await directory.refresh([newPresence(), older, newPresence()])).toEqual([older]);
  await directory.forget([older]);
  expect(await directory.find(older.clusterId, older.vmId)).toEqual(newer);
  await directory.forget([newer]);
  expect(await directory.find(older.clusterId, older.vmId)).toBeUndefined();
});

test('refreshing writes again what was lost, thousands at a time', async () => {
  const many = Array.from({ length: 2500 }, () => newPresence());
  await redis.flushdb();
  expect(await directory.refresh(many)).toEqual([]);
  expect(await redis.dbsize()).toBe(2500);
  const last = many.at(-1) ?? newPresence();
  expect(await directory.find(last.clusterId, last.vmId)).toEqual(last);
});

test('an entry ends by itself when nobody refreshes it', async () => {
  const presence = newPresence();
  await directory.claim(presence);
  const left = await redis.pttl(`agent:${presence.clusterId}:${presence.vmId}`);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(30_000);
});

test('a Redis that is away is worth another try', async () => {
  const away = new Redis('redis://127.0.0.1:1', { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  away.on('error', () => undefined);
  await expect(new PresenceDirectory(away).find('c', 'v')).rejects.toThrow(TransientError);
  away.disconnect();
});

test.each([
  ['refuses what will never fit', 422, TerminalError],
  ['refuses for now', 503, TransientError],
])('an agent that %s is told apart by the type of the error', async (_how, status, type) => {
  const gateway = createServer((_request, response) => {
    response.writeHead(status, { [REFUSAL_HEADER]: 'Code' }).end(JSON.stringify({ error: { code: 'Code', message: 'why' } }));
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const presence = newPresence({ internalUrl: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}` });
  await directory.claim(presence);
  const agent = await createAgentClient({ presence: directory, token: new SecretValue('t') }).find(
    presence.clusterId,
    presence.vmId,
  );
  await expect(agent.state()).rejects.toThrow(type);
  await expect(agent.consulFetch('/v1/status/leader')).rejects.toThrow(type);
  await new Promise((resolve) => gateway.close(resolve));
});

test('an agent that does not answer in time, or a gateway that is gone, is worth another try', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const presence = newPresence({ internalUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` });
  await directory.claim(presence);
  const client = createAgentClient({ presence: directory, token: new SecretValue('t'), answerTimeout: 50 });
  const agent = await client.find(presence.clusterId, presence.vmId);
  await expect(agent.health()).rejects.toThrow(TransientError);
  await expect(agent.consulFetch('/v1/kv/x', { timeout: 50 })).rejects.toThrow(TransientError);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
  await expect(agent.health()).rejects.toThrow(TransientError);
  await expect(client.find(presence.clusterId, randomUUID())).rejects.toThrow(TransientError);
});
