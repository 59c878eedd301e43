import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../processes/run-command';

const CLIENT_FOLDER = 'libs/database/src/generated';

function hashOfSchema(root: string): string {
  const folder = join(root, 'prisma/schema');
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

/** Generates the Prisma client when the schema, or Prisma itself, has changed since the last time. */
export async function ensurePrismaClient(root: string): Promise<void> {
  const marker = join(root, CLIENT_FOLDER, 'schema.sha256');
  const hash = hashOfSchema(root);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === hash) return;
  await runCommand(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate'], {
    cwd: root,
    // Generating needs no schema engine, but the command looks for one and would download it.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  });
  writeFileSync(marker, hash);
}
