/** What machines download from the gateway: the agent's bundle and the Consul program, each named by its SHA-256. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '@managed-consul/database';
import { consulPlatform, type ConsulBinary } from '../../tools/consul-binary/consul-binary';

/** Copies `file` into the artifacts folder under the hash of its bytes and gives the path there. */
export function publishArtifact(folder: string, file: string): string {
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  const published = join(folder, sha256);
  if (!existsSync(published)) {
    copyFileSync(file, `${published}.partial`);
    renameSync(`${published}.partial`, published);
  }
  return published;
}

/** Tells the catalogue which bytes are this version of Consul on this platform. */
export async function registerConsulArtifact(database: Database, consul: ConsulBinary): Promise<void> {
  const { version } = consul;
  const platform = consulPlatform();
  const facts = { sha256: consul.sha256, sizeBytes: statSync(consul.path).size };
  const known = await database.prisma.consulVersion.findUnique({ where: { version } });
  if (!known) throw new Error(`The catalogue has no Consul ${version}; set CONSUL_BIN to one of its versions.`);
  await database.prisma.consulArtifact.upsert({
    where: { version_platform: { version, platform } },
    create: { version, platform, ...facts },
    update: facts,
  });
}
