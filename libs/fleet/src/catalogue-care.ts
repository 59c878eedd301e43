import type { ConsulVersion, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from './change';
import { listFleetVersions } from './fleet-versions';

export interface VersionWish {
  version: string;
  status: ConsulVersion['status'];
  /** What customers are told about a blocked one. */
  blockedReason?: string | undefined;
}

/**
 * Says whether a Consul version may be installed. Only one is recommended at a time, and new clusters get it, so it cannot be
 * blocked or taken back: another one is recommended first, which makes this one available. Throws ResourceNotFound,
 * InvalidRequest, Conflict.
 */
export async function planVersion(tx: Transaction, { version, status, blockedReason }: VersionWish): Promise<Change> {
  await tx.$queryRaw`SELECT version FROM consul_versions FOR UPDATE`;
  const versions = await listFleetVersions(tx);
  const found = versions.find((one) => one.version === version);
  if (!found) throw new AppError('ResourceNotFound', `There is no Consul version ${version} in the catalogue.`);
  if ((status === 'BLOCKED') !== (blockedReason !== undefined)) {
    throw new AppError('InvalidRequest', 'Give a blockedReason with BLOCKED, and with nothing else.', {
      target: 'blockedReason',
    });
  }
  if (found.status === 'RECOMMENDED' && status !== 'RECOMMENDED') {
    const message = `New clusters get ${version} when they ask for no version. Recommend another one first.`;
    throw new AppError('Conflict', message, { target: 'status' });
  }
  const others = status === 'RECOMMENDED' ? versions.filter((one) => one.status === 'RECOMMENDED' && one !== found) : [];
  const succeeds = others.map((one) => one.version);
  return {
    action: 'set-consul-version',
    summary: `Consul ${version} becomes ${status}${succeeds.length > 0 ? ` in place of ${succeeds.join(', ')}` : ''}; ${found.clusters} clusters want it.`,
    before: { version, status: found.status, blockedReason: found.blockedReason, clusters: found.clusters },
    after: { version, status, blockedReason: blockedReason ?? null, clusters: found.clusters, succeeds },
    apply: async () => {
      await tx.consulVersion.updateMany({ where: { version: { in: succeeds } }, data: { status: 'AVAILABLE' } });
      await tx.consulVersion.update({ where: { version }, data: { status, blockedReason: blockedReason ?? null } });
    },
  };
}

/** Opens a region for new clusters or closes it; what runs there runs on. Throws ResourceNotFound. */
export async function planRegion(tx: Transaction, { name, open }: { name: string; open: boolean }): Promise<Change> {
  await tx.$queryRaw`SELECT name FROM regions WHERE name = ${name} FOR UPDATE`;
  const region = await tx.region.findUnique({ where: { name } });
  if (!region) throw new AppError('ResourceNotFound', `There is no region ${name}.`);
  const clusters = await tx.cluster.count({ where: { region: name, deletedAt: null } });
  return {
    action: 'set-region-intake',
    summary: `${region.displayName} ${open ? 'takes' : 'refuses'} new clusters; ${clusters} run on there.`,
    before: { name, open: region.open, clusters },
    after: { name, open, clusters },
    apply: async () => {
      await tx.region.update({ where: { name }, data: { open } });
    },
  };
}
