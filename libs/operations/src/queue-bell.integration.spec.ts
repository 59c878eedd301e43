import { afterAll, beforeAll, expect, test } from 'vitest';
import { minutes, seconds } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { startOwnRedis, until, type OwnRedis } from '@managed-consul/testing';
import { QueueBell } from './index';

let redis: OwnRedis;
let bell: QueueBell;
beforeAll(async () => {
  redis = await startOwnRedis();
  bell = new QueueBell(redis.url, createLogger({ app: 'tests', level: 'silent' }));
});
afterAll(async () => {
  await bell.close();
  await redis.close();
});

test('the depth of the queue counts bells that nobody has heard, tells the oldest, and that Redis is away', async () => {
  await until(() => bell.isReachable(), { within: seconds(20) });
  expect(await bell.depth()).toMatchObject({ waiting: 0, delayed: 0, oldestWaitingSince: undefined });
  await bell.ring({ id: 'one', wakeNumber: 1 });
  await bell.ring({ id: 'two', wakeNumber: 1 });
  await bell.ring({ id: 'three', wakeNumber: 1 }, minutes(5));
  const depth = await bell.depth();
  expect(depth).toMatchObject({ waiting: 2, active: 0, delayed: 1, failed: 0 });
  const later = await bell.depth();
  expect(depth?.oldestWaitingSince).toBeInstanceOf(Date);
  expect(later?.oldestWaitingSince).toEqual(depth?.oldestWaitingSince);
  await redis.kill();
  expect(await bell.depth()).toBeUndefined();
});
