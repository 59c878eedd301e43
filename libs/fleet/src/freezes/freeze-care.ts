import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { hours, systemClock, type Clock } from '@managed-consul/config';
import type { Database, Freeze, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from '../change';
import { counted } from '../counted';

/** A freeze that is forgotten keeps holes open. */
const LONGEST_DAYS = 30;

/** What is frozen until when. */
export interface FreezeWish {
  scope: Freeze['scope'];
  /** Name of the region, id of the tenant or the cluster; nothing for all. */
  value?: string | undefined;
  until: Date;
}

function frozenIn({ scope, value }: FreezeWish): Prisma.ClusterWhereInput {
  if (scope === 'All' || value === undefined) return {};
  if (scope === 'Region') return { region: value };
  return scope === 'Tenant' ? { installation: { tenantId: value } } : { id: value };
}

/**
 * Keeps upgrades and maintenance from beginning by themselves in a scope, until a moment. Throws InvalidRequest for a moment that
 * is over or more than 30 days away, and for a scope in which there is no cluster.
 */
export async function planFreeze(
  tx: Transaction,
  wish: FreezeWish,
  { requester, reason, ticket }: { requester: Requester; reason: string; ticket: string },
  clock: Clock = systemClock,
): Promise<Change> {
  const { scope, value, until } = wish;
  const now = clock.now();
  const latest = new Date(now.getTime() + LONGEST_DAYS * hours(24));
  if (until <= now || until > latest) {
    const message = `Choose a moment in the next ${LONGEST_DAYS} days, at the latest ${latest.toISOString()}.`;
    throw new AppError('InvalidRequest', message, { target: 'until' });
  }
  if ((scope === 'All') !== (value === undefined))
    throw new AppError('InvalidRequest', 'Give a value with every scope but All.', { target: 'value' });
  const clusters = await tx.cluster.count({ where: { deletedAt: null, ...frozenIn(wish) } });
  if (clusters === 0 && scope !== 'All')
    throw new AppError('InvalidRequest', `There is no cluster in ${scope} ${value ?? ''}.`, { target: 'value' });
  const id = randomUUID();
  return {
    action: 'freeze',
    summary: `Until ${until.toISOString()} no upgrade and no maintenance begins by itself at ${counted(clusters, 'cluster')}.`,
    before: {},
    newId: id,
    after: { scope, value: value ?? null, until: until.toISOString(), clusters },
    ...(scope === 'Cluster' ? { clusterId: value ?? null } : {}),
    apply: async () => {
      const data = { id, scope, value: value ?? null, until, reason, ticket, actorId: requester.objectId, createdAt: now };
      await tx.freeze.create({ data });
    },
  };
}

/** Ends a freeze before its time. Throws ResourceNotFound, or Conflict for one that has ended. */
export async function planLift(tx: Transaction, id: string, clock: Clock = systemClock): Promise<Change> {
  await tx.$queryRaw`SELECT id FROM freezes WHERE id = ${id}::uuid FOR UPDATE`;
  const freeze = await tx.freeze.findUnique({ where: { id } });
  if (!freeze) throw new AppError('ResourceNotFound', `There is no freeze ${id}.`);
  const now = clock.now();
  if (freeze.liftedAt || freeze.until <= now) throw new AppError('Conflict', `Freeze ${id} has ended already.`);
  return {
    action: 'lift-freeze',
    summary: `The freeze of ${[freeze.scope, freeze.value].filter(Boolean).join(' ')} ends now.`,
    before: { scope: freeze.scope, value: freeze.value, until: freeze.until.toISOString() },
    after: { liftedAt: now.toISOString() },
    ...(freeze.scope === 'Cluster' ? { clusterId: freeze.value } : {}),
    apply: async () => {
      await tx.freeze.update({ where: { id }, data: { liftedAt: now } });
    },
  };
}

/** Freezes that hold now, the one that ends first being the first. */
export const listFreezes = ({ prisma }: Database, clock: Clock = systemClock): Promise<Freeze[]> =>
  prisma.freeze.findMany({ where: { liftedAt: null, until: { gt: clock.now() } }, orderBy: { until: 'asc' } });
