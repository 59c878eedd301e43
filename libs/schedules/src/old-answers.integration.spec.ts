import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerOnce, type RepeatableRequest } from '@managed-consul/access';
import { hours, minutes } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { createLogger } from '@managed-consul/observability';
import { createTestDatabase, FakeClock, type TestDatabase } from '@managed-consul/testing';
import { OldAnswers } from './index';

const log = createLogger({ app: 'tests', level: 'silent' });
const caller = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [] };

let place: TestDatabase;
let database: Database;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 4 });
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

/** Sends the request; says whether it was carried out, or answered as before. */
async function send(request: RepeatableRequest): Promise<'carried out' | 'repeated'> {
  let outcome: 'carried out' | 'repeated' = 'repeated';
  await answerOnce(database, caller, request, async () => {
    outcome = 'carried out';
    return { status: 202, body: {} };
  });
  return outcome;
}

it('an answer is given again for seven days, and then its key is free', async () => {
  const clock = new FakeClock(new Date());
  const request = { key: randomUUID(), requestHash: 'hash' };
  const look = () => new OldAnswers({ database, log, clock }).look();
  expect([await send(request), await send(request)]).toEqual(['carried out', 'repeated']);
  clock.advance(hours(7 * 24) - minutes(5));
  await look();
  expect(await send(request)).toBe('repeated');
  clock.advance(minutes(10));
  await look();
  expect(await send(request)).toBe('carried out');
});

it('all that is old goes, however much it is, though several workers remove it at once', async () => {
  await database.pool.query(
    `INSERT INTO idempotency_keys (tenant_id, principal_id, key, request_hash, response_status, response_body, created_at)
     SELECT 'tenant', 'principal', number::text, 'hash', 202, '{}', now() - interval '8 days' FROM generate_series(1, 3500) AS number`,
  );
  await send({ key: 'young', requestHash: 'hash' });
  await Promise.all([1, 2].map(() => new OldAnswers({ database, log }).look()));
  await new OldAnswers({ database, log }).look();
  const rows = await database.prisma.idempotencyKey.findMany({ where: { key: { in: ['young', '1', '3500'] } } });
  expect(rows.map(({ key }) => key)).toEqual(['young']);
  expect(await database.prisma.idempotencyKey.count({ where: { tenantId: 'tenant' } })).toBe(0);
});
