import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase, type Database } from '@managed-consul/database';
import { createTestDatabase, type TestDatabase } from '@managed-consul/testing';
import { recordAudit, verifyAuditChains } from './index';

let place: TestDatabase;
let database: Database;

const requester = () => ({ tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: 'c"1\u0001\u2028é' });

const record = (action: string, connection = database) =>
  connection.prisma.$transaction((tx) =>
    recordAudit(tx, requester(), {
      action,
      ...{ installationId: randomUUID(), clusterId: randomUUID(), operationId: randomUUID() },
      detail: { list: [1, 2.5, { 'a\nb': null }], text: 'back\\slash' },
      operator: { reason: 'A disk is full.', ticket: 'OPS-1', before: { state: 'a' }, after: { state: 'b' } },
    }),
  );

/** As somebody who owns the database and has switched its guards off. */
async function tamper(...statements: string[]) {
  const client = await database.pool.connect();
  try {
    await client.query('SET session_replication_role = replica');
    for (const statement of statements) expect((await client.query(statement)).rowCount).toBeGreaterThan(0);
  } finally {
    await client.query('SET session_replication_role = DEFAULT');
    client.release();
  }
}

const messages = async () => (await verifyAuditChains(database)).faults.map(({ message }) => message);

beforeEach(async () => {
  place = await createTestDatabase();
  // One connection, so that every event is in one chain.
  database = openDatabase({ url: place.url, maxConnections: 1 });
  for (const action of ['first', 'second', 'third']) await record(action);
});

afterEach(async () => {
  await database.close();
  await place.drop();
});

const MIDDLE = `(SELECT id FROM audit_events WHERE action = 'second')`;

describe('the audit chain', () => {
  test('is whole after events with every kind of value, written side by side', async () => {
    const many = openDatabase({ url: place.url, maxConnections: 6 });
    await Promise.all(Array.from({ length: 60 }, (_, index) => record(`one-${index}`, many)));
    await many.close();
    const verdict = await verifyAuditChains(database);
    expect(verdict).toMatchObject({ events: 63, faults: [] });
    expect(verdict.heads.reduce((sum, { position }) => sum + Number(position), 0)).toBe(63);
  });

  test.each(['UPDATE audit_events SET reason = reason', 'DELETE FROM audit_events', 'TRUNCATE audit_events, audit_links'])(
    'refuses to be changed: %s',
    async (statement) => {
      await expect(database.pool.query(statement)).rejects.toThrow('never changed and never removed');
      await expect(database.pool.query(statement.replace('_events', '_links'))).rejects.toThrow();
      expect(await messages()).toEqual([]);
    },
  );

  test('covers every column of an event', async () => {
    const columns = await database.pool.query<{ name: string; type: string }>(
      `SELECT column_name AS name, udt_name AS type FROM information_schema.columns WHERE table_name = 'audit_events'`,
    );
    const other: Record<string, string> = {
      uuid: `'${randomUUID()}'`,
      text: `'other'`,
      jsonb: `'{"list": []}'`,
      timestamptz: `'2020-01-01T00:00:00Z'`,
      ActorKind: `'Customer'`,
      int8: '1000',
    };
    expect(columns.rows).toHaveLength(15);
    for (const { name, type } of columns.rows) {
      const before = await database.pool.query(`SELECT ${name}::text AS value FROM audit_events WHERE id = ${MIDDLE}`);
      const { value } = before.rows[0] as { value: string };
      const set = (to: string, where: string) => `UPDATE audit_events SET ${name} = ${to} WHERE ${where}`;
      await tamper(set(other[type]!, `id = ${MIDDLE}`));
      expect(await messages(), name).not.toEqual([]);
      await tamper(set(`'${value.replaceAll("'", "''")}'::"${type}"`, name === 'id' ? 'id = 1000' : `${name} = ${other[type]!}`));
      expect(await messages(), `${name} as it was`).toEqual([]);
      if (
        type !== 'int8' &&
        name !== 'at' &&
        name !== 'detail' &&
        name !== 'actor_kind' &&
        name !== 'actor_id' &&
        name !== 'action'
      ) {
        await tamper(set('NULL', `id = ${MIDDLE}`));
        expect(await messages(), `${name} removed`).toContain('The event or its link was altered.');
        await tamper(set(`'${value.replaceAll("'", "''")}'::"${type}"`, `id = ${MIDDLE}`));
      }
    }
  });

  test.each([
    ['an event', [`DELETE FROM audit_events WHERE id = ${MIDDLE}`], 'The event of this link is gone.'],
    ['a link', [`DELETE FROM audit_links WHERE event_id = ${MIDDLE}`], 'Links before this one are gone.'],
    [
      'an event with its link',
      [`DELETE FROM audit_links WHERE event_id = ${MIDDLE}`, `DELETE FROM audit_events WHERE action = 'second'`],
      'Links before this one are gone.',
    ],
    [
      'the first event with its link',
      ['DELETE FROM audit_links WHERE position = 1', `DELETE FROM audit_events WHERE action = 'first'`],
      'Links before this one are gone.',
    ],
    [
      'the last event with its link',
      ['DELETE FROM audit_links WHERE position = 3', `DELETE FROM audit_events WHERE action = 'third'`],
      'The chain ends at 2, but its head says 3.',
    ],
    ['everything', ['DELETE FROM audit_links', 'DELETE FROM audit_events'], 'The chain ends at 0, but its head says 3.'],
    ['a head', ['DELETE FROM audit_heads WHERE position = 3'], 'The head of this chain is gone.'],
    ['every head', ['DELETE FROM audit_heads'], 'The head of this chain is gone.'],
    [
      'an event that was put in without a link',
      [`INSERT INTO audit_events (actor_id, action) VALUES ('nobody', 'nothing')`],
      'The event is in no chain: it was put in, or its link was removed.',
    ],
    [
      'a chain that nobody made',
      [
        `INSERT INTO audit_events (id, actor_id, action) VALUES (500, 'nobody', 'nothing')`,
        `INSERT INTO audit_links VALUES (99, 1, 500, '', '')`,
      ],
      'There is no such chain.',
    ],
    ['an altered link', [`UPDATE audit_links SET hash = 'f' WHERE position = 2`], 'The event or its link was altered.'],
    [
      'an altered predecessor',
      [`UPDATE audit_links SET previous_hash = 'f' WHERE position = 2`],
      'The link does not follow the one before it.',
    ],
    [
      'two links that changed places',
      ['UPDATE audit_links SET position = 20 WHERE position = 2', 'UPDATE audit_links SET position = 2 WHERE position = 3'],
      'The link does not follow the one before it.',
    ],
  ])('shows that somebody touched %s', async (_what, statements, message) => {
    await tamper(...statements);
    expect(await messages()).toContain(message);
  });

  test('shows with heads that were kept that a chain was cut and its head moved back', async () => {
    const { heads } = await verifyAuditChains(database);
    await record('fourth');
    expect((await verifyAuditChains(database, heads)).faults).toEqual([]);
    await tamper(
      'DELETE FROM audit_links WHERE position > 2',
      `DELETE FROM audit_events WHERE action IN ('third', 'fourth')`,
      'UPDATE audit_heads SET position = 2, hash = (SELECT hash FROM audit_links WHERE position = 2) WHERE position = 4',
    );
    expect(await messages()).toEqual([]);
    expect((await verifyAuditChains(database, heads)).faults).toMatchObject([
      { message: 'The chain does not hold the link 3 that it had when its heads were kept.' },
    ]);
  });

  test('is made for the events from before there were chains', async () => {
    const file = join(import.meta.dirname, '../../../prisma/migrations/20261123050000_chain_audit_events/migration.sql');
    const binding = /^DO \$\$[^]*?^END \$\$;/m.exec(readFileSync(file, 'utf8'))?.[0] ?? '';
    await tamper(
      'DELETE FROM audit_links',
      `UPDATE audit_heads SET position = 0, hash = repeat('0', 64)`,
      `UPDATE audit_events SET reason = NULL, ticket = NULL WHERE id = ${MIDDLE}`,
    );
    expect(await messages()).toHaveLength(3);
    await database.pool.query(binding);
    await record('fourth');
    expect(await verifyAuditChains(database)).toMatchObject({ events: 4, faults: [] });
  });

  test('lets nothing be done that it cannot hold', async () => {
    await tamper('DELETE FROM audit_heads');
    const region = { name: 'nowhere', displayName: 'N', geography: 'G', availabilityZones: true };
    const write = database.prisma.$transaction(async (tx) => {
      await recordAudit(tx, requester(), { action: 'open-region' });
      await tx.region.create({ data: region });
    });
    await expect(write).rejects.toThrow('is missing');
    expect(await database.prisma.region.count({ where: { name: 'nowhere' } })).toBe(0);
  });
});
