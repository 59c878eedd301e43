import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { signIn, type Customer } from '../support/customer';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

let status: ServiceStatus;
let customer: Customer;
let clusterId: string;
/** What must be nowhere in clear, by name. */
let secrets: Record<string, string>;

/** The management token is never shown, but stands in the configuration on the servers' own disks. */
function managementTokens(): string[] {
  const files = globSync('**/root/**/config/server.json', { cwd: status.stateFolder });
  const tokens = files.map((file) => {
    const configuration = JSON.parse(readFileSync(join(status.stateFolder, file), 'utf8')) as {
      acl: { tokens: { master?: string; initial_management?: string } };
    };
    return configuration.acl.tokens.master ?? configuration.acl.tokens.initial_management;
  });
  return tokens.filter((token) => token !== undefined);
}

/** Names of the secrets that stand in `text`. */
const found = (text: string): string[] =>
  Object.entries(secrets)
    .filter(([, value]) => text.includes(value))
    .map(([name]) => name);

async function everyRow(): Promise<string[]> {
  const client = new pg.Client({ connectionString: status.database.url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    const rows: string[] = [];
    for (const { name } of tables.rows) {
      const result = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      rows.push(...result.rows.map(({ row }) => row));
    }
    return rows;
  } finally {
    await client.end();
  }
}

async function everyRedisValue(): Promise<string[]> {
  const redis = new Redis(status.redis.url);
  try {
    const keys = await redis.keys('*');
    const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    // A key may have expired since it was listed, which the client's types do not say.
    return dumps.map((dump: Buffer | null) => dump?.toString('latin1') ?? '');
  } finally {
    redis.disconnect();
  }
}

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  clusterId = status.cluster?.id ?? '';
  const bundle = await customer.api.call('createClientBundle', { params: { id: clusterId }, body: {} });
  const rootToken = await customer.api.call('createRootToken', { params: { id: clusterId }, body: {} });
  await customer.untilEnded(rootToken.body.operation.id);
  const tokens = managementTokens();
  expect(tokens.length).toBeGreaterThan(0);
  secrets = {
    gossipKey: bundle.body.clientConfiguration.encrypt,
    rootToken: rootToken.body.rootToken.secretId,
    bearerToken: await customer.token(),
    clientSecret: customer.identity.clientSecret,
    ...Object.fromEntries(tokens.map((token, index) => [`managementToken${index}`, token])),
  };
});

describe('the secrets of a cluster', () => {
  it('are in no log', () => {
    const logs = globSync('logs/*.log', { cwd: status.stateFolder });
    expect(logs.length).toBeGreaterThan(4);
    for (const log of logs) expect([log, found(readFileSync(join(status.stateFolder, log), 'utf8'))]).toEqual([log, []]);
  });

  it('are in no row of the database', async () => {
    const rows = await everyRow();
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.flatMap(found)).toEqual([]);
  });

  it('are in no job and no other value of Redis', async () => {
    const values = await everyRedisValue();
    expect(values.length).toBeGreaterThan(0);
    expect(values.flatMap(found)).toEqual([]);
  });

  it('are in nothing that Azure was told', () => {
    const { clientSecret: _ofTheSeed, ...told } = secrets;
    const stores = globSync('runtime/azure-emulator/azure.sqlite*', { cwd: status.stateFolder });
    expect(stores.length).toBeGreaterThan(0);
    const text = stores.map((file) => readFileSync(join(status.stateFolder, file), 'latin1')).join('');
    expect(Object.values(told).filter((value) => text.includes(value))).toEqual([]);
  });

  it('are in no answer to a read', async () => {
    const params = { id: clusterId };
    const reads = await Promise.all([
      customer.api.call('getCluster', { params }),
      customer.api.call('listClusterOperations', { params }),
      customer.api.call('listClusterEvents', { params }),
      customer.api.call('listClusters', {}),
    ]);
    for (const { body } of reads) expect(found(JSON.stringify(body))).toEqual([]);
  });
});
