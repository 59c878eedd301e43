import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordAudit } from '@managed-consul/access';
import { openDatabase, type Database } from '@managed-consul/database';
import { createTestDatabase, type TestDatabase } from '@managed-consul/testing';
import { audit } from './audit';

let place: TestDatabase;
let database: Database;
let folder: string;
const printed: string[] = [];

beforeEach(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 1 });
  folder = mkdtempSync(join(tmpdir(), 'audit-heads-'));
  vi.stubEnv('DATABASE_URL', place.url);
  printed.length = 0;
  for (const stream of ['log', 'error'] as const) {
    vi.spyOn(console, stream).mockImplementation((line) => void printed.push(String(line)));
  }
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  await database.close();
  await place.drop();
});

const record = () => {
  const requester = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: 'c' };
  return database.prisma.$transaction((tx) => recordAudit(tx, requester, { action: 'try' }));
};

test('./hcs audit verify keeps the heads of a whole record and finds what is gone since', async () => {
  const heads = join(folder, 'heads.json');
  const verify = () => audit({ root: '.', args: ['verify', '--heads', heads] });
  await record();
  await record();
  expect([await verify(), ...printed.splice(0)]).toEqual([0, '2 audit events, none altered, none removed.']);
  await record();
  expect([await verify(), ...printed.splice(0)]).toEqual([
    0,
    '3 audit events, none altered, none removed since the heads were kept.',
  ]);
  const kept = readFileSync(heads, 'utf8');
  await database.pool.query(`SET session_replication_role = replica; DELETE FROM audit_links WHERE position > 1;
    DELETE FROM audit_events WHERE id > 1; UPDATE audit_heads SET position = 1,
    hash = (SELECT hash FROM audit_links WHERE position = 1) WHERE position = 3`);
  expect(await verify()).toBe(1);
  expect(printed).toEqual([
    expect.stringContaining('does not hold the link 3'),
    '1 faults in 1 audit events: somebody changed the record.',
  ]);
  expect(readFileSync(heads, 'utf8')).toBe(kept);
});

test('./hcs audit says how it is used when it is not', async () => {
  await expect(audit({ root: '.', args: [] })).rejects.toThrow('./hcs audit verify');
  await expect(audit({ root: '.', args: ['verify', '--heads', import.meta.filename] })).rejects.toThrow('holds no heads');
});
