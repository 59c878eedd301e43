import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { SuspensionCategory, Tenant, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from '../change';
import { counted } from '../counted';

/** Everything of a tenant that a decision about it touches. */
interface Holdings {
  installationIds: string[];
  clusterIds: string[];
  servers: number;
}

async function holdingsOf(tx: Transaction, tenantId: string): Promise<Holdings> {
  const where = { tenantId: { equals: tenantId, mode: 'insensitive' as const }, state: { not: 'Deleted' as const } };
  const [places, clusters, [usage]] = await Promise.all([
    tx.installation.findMany({ where, select: { id: true } }),
    tx.cluster.findMany({ where: { installation: where, deletedAt: null }, select: { id: true } }),
    tx.$queryRaw<{ servers: number }[]>`SELECT servers FROM tenant_usage(${tenantId})`,
  ]);
  const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);
  return { installationIds: ids(places), clusterIds: ids(clusters), servers: usage?.servers ?? 0 };
}

const tell = ({ installationIds, clusterIds }: Holdings): string =>
  `${counted(installationIds.length, 'installation')} and ${counted(clusterIds.length, 'cluster')}`;

/** The tenant's row, locked until the transaction ends; whoever takes a place of its quota waits. */
async function lockTenant(tx: Transaction, tenantId: string): Promise<Tenant | null> {
  await tx.$queryRaw`SELECT tenant_id FROM tenants WHERE tenant_id = ${tenantId} FOR UPDATE`;
  return tx.tenant.findUnique({ where: { tenantId } });
}

async function storeTenant(tx: Transaction, tenantId: string, data: Partial<Tenant>): Promise<void> {
  await tx.tenant.upsert({ where: { tenantId }, create: { tenantId, ...data }, update: data });
}

/** Tells in the history of every cluster what became of its tenant. */
async function tellClusters(tx: Transaction, { clusterIds }: Holdings, type: string, message: string): Promise<void> {
  await tx.clusterEvent.createMany({ data: clusterIds.map((clusterId) => ({ clusterId, type, message })) });
}

/** What a tenant may have; null for no limit. */
export interface QuotaWish {
  maxClusters: number | null;
  maxServers: number | null;
}

/** Sets the quota of a tenant, also before it has anything. One below what it has ends nothing: creates wait until there is room. */
export async function planQuota(tx: Transaction, id: string, wish: QuotaWish): Promise<Change> {
  const tenantId = id.toLowerCase();
  const present = await lockTenant(tx, tenantId);
  const holdings = await holdingsOf(tx, tenantId);
  const { maxClusters, maxServers } = wish;
  const used = { clusters: holdings.clusterIds.length, servers: holdings.servers };
  const limit = (most: number | null, noun: string) => (most === null ? `any number of ${noun}s` : counted(most, noun));
  const may = `${limit(maxClusters, 'cluster')} and ${limit(maxServers, 'server')}`;
  return {
    action: 'set-tenant-quota',
    summary: `Tenant ${tenantId} may have ${may}; it has ${used.clusters} and ${used.servers}, and keeps them.`,
    before: { tenantId, maxClusters: present?.maxClusters ?? null, maxServers: present?.maxServers ?? null, ...used },
    after: { tenantId, maxClusters, maxServers },
    installationIds: holdings.installationIds,
    apply: () => storeTenant(tx, tenantId, { maxClusters, maxServers }),
  };
}

/** Why a tenant is suspended, and whom its people are told to ask. */
export interface SuspensionWish {
  category: SuspensionCategory;
  contact: string;
}

const showSuspension = (tenant: Tenant | null) => ({
  suspendedAt: tenant?.suspendedAt?.toISOString() ?? null,
  category: tenant?.suspensionCategory ?? null,
});

/** Refuses every write of a tenant from now on; its clusters go on. Throws ResourceNotFound, or Conflict when it is suspended. */
export async function planSuspension(
  tx: Transaction,
  id: string,
  { category, contact }: SuspensionWish,
  clock: Clock = systemClock,
): Promise<Change> {
  const tenantId = id.toLowerCase();
  const present = await lockTenant(tx, tenantId);
  const holdings = await holdingsOf(tx, tenantId);
  if (!present && holdings.installationIds.length === 0)
    throw new AppError('ResourceNotFound', `There is no tenant ${tenantId}. To keep one out, put it on the deny list.`);
  if (present?.suspendedAt) throw new AppError('Conflict', `Tenant ${tenantId} is suspended already.`);
  const now = clock.now();
  return {
    action: 'suspend-tenant',
    summary: `Tenant ${tenantId} may change nothing any more of ${tell(holdings)}; they go on and can be read.`,
    before: { tenantId, ...showSuspension(present) },
    after: {
      ...{ tenantId, suspendedAt: now.toISOString(), category, contact },
      ...{ installations: holdings.installationIds.length, clusters: holdings.clusterIds.length },
    },
    installationIds: holdings.installationIds,
    apply: async () => {
      await storeTenant(tx, tenantId, { suspendedAt: now, suspensionCategory: category, suspensionContact: contact });
      const message = `The operators of the service have suspended your tenant (${category}). The cluster goes on and can be read, not changed. Ask ${contact}.`;
      await tellClusters(tx, holdings, 'TenantSuspended', message);
    },
  };
}

/** Lets a suspended tenant write again. Throws Conflict when it is not suspended. */
export async function planEndOfSuspension(tx: Transaction, id: string): Promise<Change> {
  const tenantId = id.toLowerCase();
  const present = await lockTenant(tx, tenantId);
  if (!present?.suspendedAt) throw new AppError('Conflict', `Tenant ${tenantId} is not suspended.`);
  const holdings = await holdingsOf(tx, tenantId);
  return {
    action: 'unsuspend-tenant',
    summary: `Tenant ${tenantId} may change ${tell(holdings)} again.`,
    before: { tenantId, ...showSuspension(present) },
    after: {
      ...{ tenantId, ...showSuspension(null) },
      ...{ installations: holdings.installationIds.length, clusters: holdings.clusterIds.length },
    },
    installationIds: holdings.installationIds,
    apply: async () => {
      await storeTenant(tx, tenantId, { suspendedAt: null, suspensionCategory: null, suspensionContact: null });
      await tellClusters(
        tx,
        holdings,
        'TenantUnsuspended',
        'The suspension of your tenant has ended. The cluster can be changed.',
      );
    },
  };
}

/** Takes no new installations and clusters of a tenant, also of one that is not known yet. Throws Conflict when it is listed. */
export async function planDenial(
  tx: Transaction,
  id: string,
  { requester, reason, ticket, contact }: { requester: Requester; reason: string; ticket: string; contact: string },
  clock: Clock = systemClock,
): Promise<Change> {
  const tenantId = id.toLowerCase();
  // Two at the same time: the second is told of the first.
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`denied-tenant/${tenantId}`}, 0))::text`;
  if (await tx.deniedTenant.findUnique({ where: { tenantId } }))
    throw new AppError('Conflict', `Tenant ${tenantId} is on the deny list already.`);
  const holdings = await holdingsOf(tx, tenantId);
  return {
    action: 'deny-tenant',
    summary: `Tenant ${tenantId} may register and create nothing any more; ${tell(holdings)} go on.`,
    before: { tenantId, denied: false },
    after: {
      ...{ tenantId, denied: true, contact },
      ...{ installations: holdings.installationIds.length, clusters: holdings.clusterIds.length },
    },
    installationIds: holdings.installationIds,
    apply: async () => {
      const data = { tenantId, contact, reason, ticket, actorId: requester.objectId, createdAt: clock.now() };
      await tx.deniedTenant.create({ data });
    },
  };
}

/** Takes a tenant off the deny list. Throws ResourceNotFound. */
export async function planEndOfDenial(tx: Transaction, id: string): Promise<Change> {
  const tenantId = id.toLowerCase();
  await tx.$queryRaw`SELECT tenant_id FROM denied_tenants WHERE tenant_id = ${tenantId} FOR UPDATE`;
  if (!(await tx.deniedTenant.findUnique({ where: { tenantId } })))
    throw new AppError('ResourceNotFound', `Tenant ${tenantId} is not on the deny list.`);
  const { installationIds } = await holdingsOf(tx, tenantId);
  return {
    action: 'undeny-tenant',
    summary: `Tenant ${tenantId} may register and create again.`,
    before: { tenantId, denied: true },
    after: { tenantId, denied: false },
    installationIds,
    apply: async () => {
      await tx.deniedTenant.delete({ where: { tenantId } });
    },
  };
}
