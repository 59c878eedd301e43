import { randomUUID } from 'node:crypto';
import { nameOf, type Requester } from '@managed-consul/access';
import { hours as hoursLong, systemClock, type Clock } from '@managed-consul/config';
import type { Database, Transaction, UsageCredit, UsageRecord } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { Amount, costOf, creditRecord, dimensionOf, hourOf, pricesById } from '@managed-consul/usage';
import type { Change } from '../change';

/** A longer time is several requests: what is let off is looked at day by day. */
const LONGEST_CREDIT_HOURS = 24;
const HOUR_MS = 3_600_000;
/** Credits of one person to one installation are added up over this time: a large one in slices is still a large one. */
const ADDED_UP_OVER = hoursLong(24);

/** What a customer is let off. */
export interface CreditedTime {
  clusterId: string;
  /** Start of a clock hour. */
  from: Date;
  hours: number;
  /** Seconds of each of the hours. */
  secondsOfEach: number;
}

/** Who gives a credit and why. */
export interface CreditGrounds {
  requester: Requester;
  reason: string;
  ticket: string;
}

interface Creditable {
  record: UsageRecord;
  left: number;
}

/** The measured rows with what is left of them after earlier credits and corrections. */
async function creditable(tx: Transaction, { clusterId, from, hours }: CreditedTime): Promise<Creditable[]> {
  const to = new Date(from.getTime() + hours * HOUR_MS);
  const rows = await tx.usageRecord.findMany({
    where: { clusterId, kind: 'Measured', hour: { gte: from, lt: to } },
    include: { corrections: { select: { seconds: true } } },
    orderBy: { id: 'asc' },
  });
  const withRest = rows.map(({ corrections, ...record }) => ({
    record,
    left: corrections.reduce((sum, { seconds }) => sum + seconds, record.seconds),
  }));
  return withRest.filter(({ left }) => left > 0);
}

/** The rows that a credit is of. Throws InvalidRequest, ResourceNotFound, CreditExceedsRecord. */
async function rowsOf(tx: Transaction, wish: CreditedTime): Promise<readonly [Creditable, ...Creditable[]]> {
  const { from, hours, secondsOfEach } = wish;
  if (hourOf(from).getTime() !== from.getTime())
    throw new AppError('InvalidRequest', 'Give the beginning of a clock hour, e.g. 2026-05-20T10:00:00Z.', { target: 'from' });
  if (hours > LONGEST_CREDIT_HOURS)
    throw new AppError('InvalidRequest', `Credit at most ${LONGEST_CREDIT_HOURS} hours at once.`, { target: 'hours' });
  const [first, ...others] = await creditable(tx, wish);
  if (!first) throw new AppError('ResourceNotFound', 'The ledger has nothing left of this cluster in these hours.');
  const short = [first, ...others].find(({ left }) => left < secondsOfEach);
  if (!short) return [first, ...others];
  const { id, hour, meter } = short.record;
  const message = `Row ${id} (${meter}, ${hour.toISOString()}) has ${short.left} seconds left.`;
  throw new AppError('CreditExceedsRecord', message, { target: 'secondsOfEach' });
}

type Priced = Pick<UsageRecord, 'priceId' | 'meter' | 'seconds' | 'quantity'>;

/** What rows cost by the prices that hold for them; a row without a price costs nothing. */
async function worthOf(tx: Transaction, rows: readonly Priced[]): Promise<{ amount: Amount; currency: string | undefined }> {
  const ids = new Set(rows.flatMap(({ priceId }) => (priceId === null ? [] : [priceId])));
  const prices = await pricesById({ prisma: tx }, [...ids]);
  const costs = rows.flatMap(({ priceId, meter, seconds, quantity }) => {
    const dimension = dimensionOf(prices.get(priceId ?? '')?.dimensions ?? [], meter);
    if (!dimension) return [];
    return costOf(dimension, { meter, seconds, quantity: BigInt(quantity.toFixed(0)) }).map(({ cost }) => cost);
  });
  return { amount: Amount.sum(costs), currency: [...prices.values()][0]?.currency };
}

const shareOf = ({ record }: Creditable, seconds: number): Priced => ({
  ...record,
  seconds,
  quantity: record.quantity.times(seconds).dividedBy(record.seconds).floor(),
});

/** Credits that the same person gave the installation lately, without a second one. */
async function givenLately(tx: Transaction, installationId: string, by: string, now: Date): Promise<Amount> {
  const recordedAt = { gt: new Date(now.getTime() - ADDED_UP_OVER) };
  const rows = await tx.usageRecord.findMany({ where: { kind: 'Credit', installationId, recordedBy: by, recordedAt } });
  const given = rows.map((row) => ({ ...row, seconds: -row.seconds, quantity: row.quantity.negated() }));
  return (await worthOf(tx, given)).amount;
}

const showWish = ({ clusterId, from, hours, secondsOfEach }: CreditedTime) => ({
  ...{ clusterId, from: from.toISOString(), hours, secondsOfEach },
});

/**
 * Lets a customer off some time of clock hours of a cluster, by a credit row for each row of the ledger. What is worth `limit` or
 * more, together with what the same person gave the installation in the last day, is only asked for: another person has to approve
 * it. Throws InvalidRequest for a moment that begins no hour and a length out of bounds, ResourceNotFound where nothing is in the
 * ledger, and CreditExceedsRecord when a row has less time left: nothing is credited then.
 */
export async function planCredit(
  tx: Transaction,
  wish: CreditedTime,
  { requester, reason, ticket }: CreditGrounds,
  { limit, clock = systemClock }: { limit: number; clock?: Clock },
): Promise<Change> {
  const { clusterId, from, hours, secondsOfEach } = wish;
  const now = clock.now();
  const by = `operator/${nameOf(requester)}`;
  // One after the other, so that two slices at the same time are added up.
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`credits/${by}`}, 0))::text`;
  const rows = await rowsOf(tx, wish);
  const { installationId } = rows[0].record;
  const shares = rows.map((row) => shareOf(row, secondsOfEach));
  const { amount, currency = 'USD' } = await worthOf(tx, shares);
  const about = { clusterId, installationId, before: { clusterId, secondsLeft: rows.reduce((sum, { left }) => sum + left, 0) } };
  const after = { ...showWish(wish), amount: amount.toText(), currency };
  const together = amount.plus(await givenLately(tx, installationId, by, now));
  if (together.reaches(100, String(limit))) {
    const id = randomUUID();
    return {
      action: 'request-credit',
      summary: `A credit of ${amount.toText(2)} ${currency} waits for another person: from ${limit} a day on it takes two.`,
      ...about,
      newId: id,
      after: { ...after, state: 'Requested' },
      apply: async () => {
        const asked = { requestedBy: nameOf(requester), requestedAt: now, reason, ticket, amount: amount.toText(), currency };
        await tx.usageCredit.create({ data: { id, clusterId, installationId, startsAt: from, hours, secondsOfEach, ...asked } });
      },
    };
  }
  return {
    action: 'credit-usage',
    summary: `${rows.length} ${rows.length === 1 ? 'row' : 'rows'} of the ledger are credited with ${secondsOfEach} seconds each.`,
    ...about,
    after: { ...after, credited: rows.map(({ record }) => String(record.id)) },
    apply: () => creditRows(tx, rows, secondsOfEach, { reason: `${reason} (${ticket})`, recordedBy: by, now }),
  };
}

async function creditRows(
  tx: Transaction,
  rows: readonly Creditable[],
  seconds: number,
  by: { reason: string; recordedBy: string; now: Date },
): Promise<void> {
  for (const { record } of rows) await creditRecord(tx, { recordId: record.id, seconds, ...by });
}

async function lockWaiting(tx: Transaction, id: string): Promise<UsageCredit> {
  await tx.$queryRaw`SELECT id FROM usage_credits WHERE id = ${id}::uuid FOR UPDATE`;
  const credit = await tx.usageCredit.findUnique({ where: { id } });
  if (!credit) throw new AppError('ResourceNotFound', `There is no credit ${id}.`);
  if (credit.state !== 'Requested') throw new AppError('Conflict', `Credit ${id} is ${credit.state}.`);
  return credit;
}

/**
 * Lets a credit take effect that another person asked for. Throws ResourceNotFound, AuthorizationFailed for whoever asked, Conflict
 * when it is decided, and what the ledger says to it by now: CreditExceedsRecord.
 */
export async function planCreditApproval(
  tx: Transaction,
  id: string,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  const credit = await lockWaiting(tx, id);
  const { clusterId, installationId, startsAt: from, hours, secondsOfEach, reason, ticket, requestedBy } = credit;
  const decidedBy = nameOf(requester);
  if (decidedBy === requestedBy)
    throw new AppError('AuthorizationFailed', 'You have asked for this credit. Another person has to approve it.');
  const now = clock.now();
  const rows = await rowsOf(tx, { clusterId, from, hours, secondsOfEach });
  return {
    action: 'approve-credit',
    summary: `A credit of ${credit.amount.toFixed(2)} ${credit.currency}, asked for by ${requestedBy}, goes to the ledger.`,
    before: { id, state: credit.state },
    after: { id, state: 'Approved', credited: rows.map(({ record }) => String(record.id)) },
    clusterId,
    installationId,
    apply: async () => {
      await tx.usageCredit.update({ where: { id }, data: { state: 'Approved', decidedBy, decidedAt: now } });
      const recordedBy = `operator/${requestedBy} with operator/${decidedBy}`;
      await creditRows(tx, rows, secondsOfEach, { reason: `${reason} (${ticket})`, recordedBy, now });
    },
  };
}

/** Takes back a credit that one asked for oneself, or refuses another's. Throws ResourceNotFound, Conflict when it is decided. */
export async function planCreditRefusal(
  tx: Transaction,
  id: string,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  const { clusterId, installationId, requestedBy, state: present } = await lockWaiting(tx, id);
  const decidedBy = nameOf(requester);
  const state = decidedBy === requestedBy ? 'Withdrawn' : 'Refused';
  return {
    action: state === 'Withdrawn' ? 'withdraw-credit' : 'refuse-credit',
    summary: `The credit is ${state.toLowerCase()}; the ledger stays as it is.`,
    before: { id, state: present },
    after: { id, state },
    clusterId,
    installationId,
    apply: async () => {
      await tx.usageCredit.update({ where: { id }, data: { state, decidedBy, decidedAt: clock.now() } });
    },
  };
}

/** Credits that two persons are for, of one state or of all, the newest first; 200 at most. */
export const listCredits = ({ prisma }: Database, state: UsageCredit['state'] | undefined): Promise<UsageCredit[]> =>
  prisma.usageCredit.findMany({
    where: state === undefined ? {} : { state },
    orderBy: [{ requestedAt: 'desc' }, { id: 'desc' }],
    take: 200,
  });
