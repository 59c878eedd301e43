import { randomUUID } from 'node:crypto';
import { findWindow, type MaintenanceWindow } from '@managed-consul/clusters';
import { hours, systemClock, type Clock } from '@managed-consul/config';
import type { Database, MaintenanceSchedule, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { carryOut, type Change } from '../change';
import type { ClusterSelection } from '../rollouts/cluster-selection';
import { planRollout, type RolloutGrounds, type RolloutWish } from '../rollouts/rollout-care';
import { UPGRADE, type RolloutTask } from '../rollouts/rollout-task';

/** A rollout that begins again and again. */
export interface MaintenanceScheduleWish extends Omit<RolloutWish, 'consulVersion' | 'evenIfManual'> {
  name: string;
  /** When each begins, in UTC. */
  moment: MaintenanceWindow;
  everyWeeks: number;
}

const WEEK = hours(7 * 24);

/** The first such moment after `now`. */
function firstMoment(moment: MaintenanceWindow, now: Date): Date {
  const opening = findWindow(moment, now) ?? now;
  return opening > now ? opening : new Date(opening.getTime() + WEEK);
}

/**
 * Plans a rollout that begins every few weeks. What it would do now, if it began now, is in the answer. Throws InvalidRequest as a
 * rollout does, and for an upgrade: each of those is to another version. Throws Conflict for a name that is taken.
 */
export async function planMaintenanceSchedule(
  tx: Transaction,
  wish: MaintenanceScheduleWish,
  { requester, reason, ticket }: RolloutGrounds,
  clock: Clock = systemClock,
): Promise<Change> {
  const { name, task, selection, moment, everyWeeks, concurrency, toleratedPercent, soakSeconds } = wish;
  if (task === UPGRADE)
    throw new AppError('InvalidRequest', 'An upgrade is to one version: begin a rollout of it.', { target: 'task' });
  if (await tx.maintenanceSchedule.findUnique({ where: { name } }))
    throw new AppError('Conflict', `There is a maintenance schedule ${name} already, perhaps one that has ended.`, {
      target: 'name',
    });
  const preview = await planRollout(tx, wish, { requester, reason, ticket }, clock);
  const id = randomUUID();
  const nextAt = firstMoment(moment, clock.now());
  return {
    action: 'begin-maintenance-schedule',
    summary: `From ${nextAt.toISOString()} on, every ${everyWeeks === 1 ? 'week' : `${everyWeeks} weeks`}: ${preview.summary}`,
    before: {},
    newId: id,
    after: { ...preview.after, name, nextAt: nextAt.toISOString(), everyWeeks },
    apply: async () => {
      const { tenantId: actorTenantId, objectId: actorId, correlationId } = requester;
      await tx.maintenanceSchedule.create({
        data: {
          ...{ id, name, task, selection: selection as Prisma.InputJsonObject, moment: { ...moment }, everyWeeks },
          ...{ concurrency, toleratedPercent, soakSeconds, reason, ticket, actorTenantId, actorId, correlationId, nextAt },
        },
      });
    },
  };
}

/** Ends a maintenance schedule; a rollout that it has begun goes on. Throws ResourceNotFound, Conflict. */
export async function planEndOfMaintenanceSchedule(tx: Transaction, id: string, clock: Clock = systemClock): Promise<Change> {
  await tx.$queryRaw`SELECT id FROM maintenance_schedules WHERE id = ${id}::uuid FOR UPDATE`;
  const schedule = await tx.maintenanceSchedule.findUnique({ where: { id } });
  if (!schedule) throw new AppError('ResourceNotFound', `There is no maintenance schedule ${id}.`);
  if (schedule.endedAt) throw new AppError('Conflict', `Maintenance schedule ${id} has ended already.`);
  return {
    action: 'end-maintenance-schedule',
    summary: `Maintenance schedule ${schedule.name} begins nothing more.`,
    before: { name: schedule.name, nextAt: schedule.nextAt.toISOString() },
    after: { endedAt: clock.now().toISOString() },
    apply: async () => {
      await tx.maintenanceSchedule.update({ where: { id }, data: { endedAt: clock.now() } });
    },
  };
}

/** Those that go on, in the order of their next turn. */
export const listMaintenanceSchedules = ({ prisma }: Database): Promise<MaintenanceSchedule[]> =>
  prisma.maintenanceSchedule.findMany({ where: { endedAt: null }, orderBy: { nextAt: 'asc' } });

/** The moment after this one; those that were missed are not made up for. */
function momentAfter({ nextAt, everyWeeks }: MaintenanceSchedule, now: Date): Date {
  const step = everyWeeks * WEEK;
  const missed = Math.floor((now.getTime() - nextAt.getTime()) / step);
  return new Date(nextAt.getTime() + (missed + 1) * step);
}

async function beginTurn(tx: Transaction, schedule: MaintenanceSchedule, clock: Clock): Promise<void> {
  const { actorTenantId: tenantId, actorId: objectId, correlationId, reason, ticket, id } = schedule;
  const requester = { tenantId, objectId, groupIds: [], correlationId };
  const wish = {
    ...{ task: schedule.task as RolloutTask, selection: schedule.selection as ClusterSelection },
    ...{ concurrency: schedule.concurrency, toleratedPercent: schedule.toleratedPercent, soakSeconds: schedule.soakSeconds },
  };
  await tx.maintenanceSchedule.update({ where: { id }, data: { nextAt: momentAfter(schedule, clock.now()) } });
  // While the rollout of the last turn goes on, or is paused, there is no other: it would only wait for the same clusters.
  if (await tx.rollout.findFirst({ where: { maintenanceSchedule: id, state: { in: ['Running', 'Paused'] } } })) return;
  const change = await planRollout(tx, wish, { requester, reason, ticket, maintenanceSchedule: id }, clock).catch(
    (error: unknown) => {
      // There may be no such cluster any more, or not yet.
      if (error instanceof AppError && error.code === 'InvalidRequest') return undefined;
      throw error;
    },
  );
  if (change) await carryOut(tx, requester, { reason, ticket }, change, { dryRun: false });
}

/** Begins the rollout of a maintenance schedule whose moment has come; gives whether there was one. Any number may do so side by side. */
export async function beginDueMaintenance({ prisma }: Pick<Database, 'prisma'>, clock: Clock): Promise<boolean> {
  return prisma.$transaction(async (tx) => {
    const [due] = await tx.$queryRaw<{ id: string }[]>`SELECT id::text FROM maintenance_schedules
      WHERE ended_at IS NULL AND next_at <= ${clock.now()} ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
    if (!due) return false;
    await beginTurn(tx, await tx.maintenanceSchedule.findUniqueOrThrow({ where: { id: due.id } }), clock);
    return true;
  });
}
