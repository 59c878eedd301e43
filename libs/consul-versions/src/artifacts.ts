import type { ConsulArtifact, Database } from '@managed-consul/database';

/** The Consul program of one version for one platform. */
export interface ConsulProgram {
  version: string;
  /** `linux-amd64` or `linux-arm64`. */
  platform: string;
  /** Hex, 64 characters. */
  sha256: string;
  sizeBytes: number;
}

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Records the program that agents will be told to run; its bytes are what they check the hash against. Safe to repeat; a
 * program with another hash takes the place of the one before. Throws when the version is not in the catalogue.
 */
export async function registerConsulArtifact(database: Database, program: ConsulProgram): Promise<ConsulArtifact> {
  if (!SHA256.test(program.sha256)) throw new Error(`Not a SHA-256 in lower-case hex: ${program.sha256}`);
  const { version, platform, sha256, sizeBytes } = program;
  return database.prisma.consulArtifact.upsert({
    where: { version_platform: { version, platform } },
    create: program,
    update: { sha256, sizeBytes },
  });
}

/** The programs of a version, by platform; empty when none was registered. */
export async function findConsulPrograms(database: Database, version: string): Promise<Record<string, ConsulProgram>> {
  const artifacts = await database.prisma.consulArtifact.findMany({ where: { version } });
  return Object.fromEntries(artifacts.map((artifact) => [artifact.platform, artifact]));
}
