import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { diffMigrationsToSchema } from '../database/schema-engine';
import { freePort } from '../processes/free-port';
import { traversableTemporaryFolder } from '../processes/traversable-folder';
import { startPostgres } from '../servers/postgres';

/** Applies the migrations to an empty scratch PostgreSQL and says by which SQL the schema files differ, if they do. */
export async function findMigrationDrift(root: string): Promise<string[]> {
  const folder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-drift-'));
  chmodSync(folder, 0o755);
  try {
    const postgres = await startPostgres({
      root,
      dataFolder: join(folder, 'postgres'),
      programsFolder: join(folder, 'postgres-programs'),
      logFile: join(folder, 'postgres.log'),
      port: await freePort(),
      password: 'scratch',
      parameters: { fsync: 'off' },
    });
    try {
      const sql = await diffMigrationsToSchema(root, postgres.adminUrl);
      return sql === '' ? [] : [`prisma/schema needs a migration with:\n${sql}`];
    } finally {
      await postgres.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
