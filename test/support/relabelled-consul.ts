/**
 * A second version of Consul for tests of upgrades, where only one can be fetched: the same program with another version written
 * into it. It reports that version everywhere, and differs in nothing else; it is in no catalogue but that of the test.
 */
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerConsulArtifact } from '@managed-consul/consul-versions';
import type { Database } from '@managed-consul/database';
import { cacheFolder, consulPlatform, findConsulBinary } from '../../tools/consul-binary/consul-binary';
import { publishArtifact } from '../../infra/local/artifacts';

/** Makes the relabelled program once a machine and gives its path. The new version must be as long as the real one's: `1.8.9`. */
export async function relabelledConsul(version: string): Promise<string> {
  const { path, version: real } = await findConsulBinary();
  if (version === real) return path;
  if (version.length !== real.length) throw new Error(`${version} cannot be written in the place of ${real}.`);
  const folder = join(cacheFolder(process.env), 'relabelled');
  const made = join(folder, `consul-${version}`);
  if (existsSync(made)) return made;
  const bytes = readFileSync(path);
  const at = bytes.indexOf(real);
  if (at < 0 || bytes.indexOf(real, at + 1) >= 0) throw new Error(`The program does not hold ${real} exactly once.`);
  bytes.write(version, at);
  mkdirSync(folder, { recursive: true });
  const unfinished = `${made}.${randomUUID()}`;
  writeFileSync(unfinished, bytes);
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, made);
  return made;
}

/** Puts a program on offer as a version: into the artifacts that gateways serve, and into the catalogue. */
export async function offerProgram(
  { database, artifacts }: { database: Database; artifacts: string },
  { version, path }: { version: string; path: string },
): Promise<void> {
  publishArtifact(artifacts, path);
  const bytes = readFileSync(path);
  await database.prisma.consulVersion.upsert({
    where: { version },
    create: { version, status: 'AVAILABLE', licence: 'MPL-2.0' },
    update: {},
  });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await registerConsulArtifact(database, { version, platform: consulPlatform(), sha256, sizeBytes: bytes.length });
}

/** Puts a relabelled program on offer. */
export async function offerRelabelledConsul(place: { database: Database; artifacts: string }, version: string): Promise<void> {
  await offerProgram(place, { version, path: await relabelledConsul(version) });
}
