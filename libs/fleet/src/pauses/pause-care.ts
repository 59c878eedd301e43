import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, systemClock, type Clock } from '@managed-consul/config';
import type { Database, Pause, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from '../change';

/** A pause that is forgotten keeps customers waiting. */
const LONGEST = hours(24);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What stands still until when. */
export interface PauseWish {
  scope: Pause['scope'];
  /** Name of the region, kind of operations, id of the cluster; nothing for all. */
  value?: string | undefined;
  until: Date;
}

async function requireKnown(tx: Transaction, { scope, value }: PauseWish): Promise<void> {
  const refuse = (message: string) => new AppError('InvalidRequest', message, { target: 'value' });
  if ((scope === 'All') !== (value === undefined)) throw refuse('Give a value with every scope but All.');
  if (value === undefined) return;
  const kinds: readonly string[] = Object.values(OPERATION_KINDS);
  if (scope === 'Kind' && !kinds.includes(value)) throw refuse(`There is no kind ${value}; there are: ${kinds.join(', ')}.`);
  if (scope === 'Region' && !(await tx.region.findUnique({ where: { name: value } })))
    throw refuse(`There is no region ${value}.`);
  if (scope === 'Cluster' && !UUID.test(value)) throw refuse(`${value} is no id of a cluster.`);
  if (scope === 'Cluster' && (await tx.cluster.count({ where: { id: value, deletedAt: null } })) === 0)
    throw refuse(`There is no cluster ${value}.`);
}

/**
 * Lets no worker take operations of a scope up, until a moment: what runs ends its step, and everything waits where it is. Throws
 * InvalidRequest for a moment that is over or more than a day away, and for a scope that is not there.
 */
export async function planPause(
  tx: Transaction,
  wish: PauseWish,
  { requester, reason, ticket }: { requester: Requester; reason: string; ticket: string },
  clock: Clock = systemClock,
): Promise<Change> {
  const { scope, value, until } = wish;
  const now = clock.now();
  const latest = new Date(now.getTime() + LONGEST);
  if (until <= now || until > latest)
    throw new AppError('InvalidRequest', `Choose a moment in the next day, at the latest ${latest.toISOString()}.`, {
      target: 'until',
    });
  await requireKnown(tx, wish);
  const id = randomUUID();
  return {
    action: 'pause',
    summary: `Until ${until.toISOString()} no operation is taken up in ${[scope, value].filter(Boolean).join(' ')}; nothing is lost.`,
    before: {},
    newId: id,
    after: { scope, value: value ?? null, until: until.toISOString() },
    ...(scope === 'Cluster' ? { clusterId: value ?? null } : {}),
    apply: async () => {
      const data = { id, scope, value: value ?? null, until, reason, ticket, actorId: requester.objectId, createdAt: now };
      await tx.pause.create({ data });
    },
  };
}

/** Lets operations go on before the time. Throws ResourceNotFound, or Conflict for a pause that has ended. */
export async function planResume(tx: Transaction, id: string, clock: Clock = systemClock): Promise<Change> {
  await tx.$queryRaw`SELECT id FROM pauses WHERE id = ${id}::uuid FOR UPDATE`;
  const pause = await tx.pause.findUnique({ where: { id } });
  if (!pause) throw new AppError('ResourceNotFound', `There is no pause ${id}.`);
  const now = clock.now();
  const { scope, value, until } = pause;
  if (pause.liftedAt || until <= now) throw new AppError('Conflict', `Pause ${id} has ended already.`);
  return {
    action: 'resume',
    summary: `Operations in ${[scope, value].filter(Boolean).join(' ')} go on, each within a few seconds.`,
    before: { id, scope, value, until: until.toISOString() },
    after: { id, liftedAt: now.toISOString() },
    ...(scope === 'Cluster' ? { clusterId: value } : {}),
    apply: async () => {
      await tx.pause.update({ where: { id }, data: { liftedAt: now } });
    },
  };
}

/** Pauses that hold now, the one that ends first being the first. */
export const listPauses = ({ prisma }: Database, clock: Clock = systemClock): Promise<Pause[]> =>
  prisma.pause.findMany({ where: { liftedAt: null, until: { gt: clock.now() } }, orderBy: { until: 'asc' } });
