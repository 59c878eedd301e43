import pg from 'pg';
import { openDatabase } from '@managed-consul/database';
import { seedCatalogue } from '../../prisma/seed/seed-catalogue';
import type { ConsulBinary } from '../../tools/consul-binary/consul-binary';
import { applyMigrations } from '../../tools/database/schema-engine';
import { registerConsulArtifact } from './artifacts';
import { databaseUrl, type LocalWorld } from './components';

const ALREADY_EXISTS = '42P04';

async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } catch (error) {
    if ((error as { code?: string }).code !== ALREADY_EXISTS) throw error;
  } finally {
    await client.end();
  }
}

/** Makes the database, migrates it and fills its catalogue. Gives the number of migrations applied now. */
export async function prepareDatabase(world: LocalWorld, consul: ConsulBinary): Promise<number> {
  const url = databaseUrl(world);
  await ensureDatabase(databaseUrl(world, 'postgres'), new URL(url).pathname.slice(1));
  const applied = await applyMigrations(world.settings.root, url);
  const database = openDatabase({ url, maxConnections: 2 });
  try {
    await seedCatalogue(database);
    await registerConsulArtifact(database, consul);
  } finally {
    await database.close();
  }
  return applied.length;
}
