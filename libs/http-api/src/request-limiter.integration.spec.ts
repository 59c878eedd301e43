import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '@managed-consul/access';
import { seconds } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { startOwnRedis, until, type OwnRedis } from '@managed-consul/testing';
import { RequestLimiter } from './request-limiter';

const log = createLogger({ app: 'tests', level: 'silent' });
const newCaller = (tenantId: string = randomUUID()): Caller => ({ tenantId, objectId: randomUUID(), groupIds: [] });

let redis: OwnRedis;
let first: RequestLimiter;
let second: RequestLimiter;

/** Two processes of one interface. */
async function openTwo(): Promise<void> {
  const open = () => new RequestLimiter('tests', redis.url, { reads: 5, writes: 2 }, log);
  [first, second] = [open(), open()];
  const bothCountThere = async () => first.countsInRedis() && second.countsInRedis();
  await until(bothCountThere, { within: seconds(30), because: 'both have reached Redis' });
}

beforeAll(async () => {
  redis = await startOwnRedis();
  await openTwo();
});
afterAll(async () => {
  first.close();
  second.close();
  await redis.close();
});

const refusal = { code: 'TooManyRequests', retryAfterSeconds: expect.closeTo(30, -2) as number };

describe('a caller', () => {
  it('may send so many requests a minute through all processes together, reads and writes apart', async () => {
    const caller = newCaller();
    expect([await first.count(caller, 'POST'), await second.count(caller, 'DELETE')]).toEqual(['Writes;1', 'Writes;0']);
    await expect(first.count(caller, 'PATCH')).rejects.toMatchObject(refusal);
    await expect(second.count(caller, 'PUT')).rejects.toMatchObject(refusal);
    expect(await second.count(caller, 'GET')).toBe('Reads;4');
  });

  it('takes nothing from a colleague', async () => {
    const caller = newCaller();
    for (const method of ['POST', 'POST']) await first.count(caller, method);
    await expect(first.count(caller, 'POST')).rejects.toMatchObject(refusal);
    expect(await first.count(newCaller(caller.tenantId), 'POST')).toBe('Writes;1');
  });

  it('is answered though Redis hangs, and counted all the same', async () => {
    const caller = newCaller();
    const [operator, customer] = [new Redis(redis.url), new Redis(redis.url)];
    await operator.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    const hanging = customer.set('anything', 'at all').then(() => 'Redis' as const);
    const answered = first.count(caller, 'POST').then(() => 'the limiter' as const);
    expect(await Promise.race([hanging, answered])).toBe('the limiter');
    await operator.call('CLIENT', 'UNPAUSE');
    await hanging;
    for (const client of [operator, customer]) client.disconnect();
  });

  it('is held by each process for itself while Redis is away', async () => {
    const caller = newCaller();
    await redis.kill();
    expect([await first.count(caller, 'POST'), await first.count(caller, 'POST')]).toEqual(['Writes;1', 'Writes;0']);
    await expect(first.count(caller, 'POST')).rejects.toMatchObject(refusal);
    await redis.start();
  });
});
