import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { compareHourIn, correctHourIn, creditRecord, hourOf, type Mismatch } from '@managed-consul/usage';
import { sendParkedAgain } from '@managed-consul/usage-emission';
import type { Change } from '../change';

/** A longer time is several requests: what is let off is looked at day by day. */
const LONGEST_CREDIT_HOURS = 24;
const HOUR_MS = 3_600_000;

/** Has parked events of an installation sent again. Throws ResourceNotFound, or Conflict when none is parked. */
export async function planResend(tx: Transaction, installationId: string, clock: Clock = systemClock): Promise<Change> {
  const installation = await tx.installation.findUnique({ where: { id: installationId } });
  if (!installation) throw new AppError('ResourceNotFound', `There is no installation ${installationId}.`);
  const parked = await tx.usageEmission.findMany({
    where: { installationId, state: 'Parked' },
    select: { problem: true },
  });
  if (parked.length === 0) throw new AppError('Conflict', `No event of installation ${installationId} is parked.`);
  return {
    action: 'resend-usage',
    summary: `${parked.length} events that Azure refused are sent again.`,
    before: { parked: parked.length, problems: [...new Set(parked.map(({ problem }) => problem))].slice(0, 10) },
    after: { parked: 0 },
    installationId,
    apply: async () => {
      await sendParkedAgain(tx, installationId, clock.now());
    },
  };
}

/** What a customer is let off. */
export interface CreditedTime {
  clusterId: string;
  /** Start of a clock hour. */
  from: Date;
  hours: number;
  /** Seconds of each of the hours. */
  secondsOfEach: number;
}

/** The measured rows with what is left of them after earlier credits and corrections. */
async function creditable(tx: Transaction, { clusterId, from, hours }: CreditedTime) {
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

/**
 * Lets a customer off some time of clock hours of a cluster, by a credit row for each row of the ledger. Throws InvalidRequest for a
 * moment that begins no hour and a length out of bounds, ResourceNotFound where nothing is in the ledger, and CreditExceedsRecord
 * when a row has less time left: nothing is credited then.
 */
export async function planCredit(
  tx: Transaction,
  wish: CreditedTime,
  { reason, recordedBy }: { reason: string; recordedBy: string },
  clock: Clock = systemClock,
): Promise<Change> {
  const { clusterId, from, hours, secondsOfEach } = wish;
  if (hourOf(from).getTime() !== from.getTime())
    throw new AppError('InvalidRequest', 'Give the beginning of a clock hour, e.g. 2026-05-20T10:00:00Z.', { target: 'from' });
  if (hours > LONGEST_CREDIT_HOURS)
    throw new AppError('InvalidRequest', `Credit at most ${LONGEST_CREDIT_HOURS} hours at once.`, { target: 'hours' });
  const rows = await creditable(tx, wish);
  const [first] = rows;
  if (!first) throw new AppError('ResourceNotFound', 'The ledger has nothing left of this cluster in these hours.');
  const short = rows.find(({ left }) => left < secondsOfEach);
  if (short) {
    const { id, hour, meter } = short.record;
    const message = `Row ${id} (${meter}, ${hour.toISOString()}) has ${short.left} seconds left.`;
    throw new AppError('CreditExceedsRecord', message, { target: 'secondsOfEach' });
  }
  return {
    action: 'credit-usage',
    summary: `${rows.length} rows of the ledger are credited with ${secondsOfEach} seconds each.`,
    before: { clusterId, secondsLeft: rows.reduce((sum, { left }) => sum + left, 0) },
    after: { clusterId, from: from.toISOString(), hours, credited: rows.map(({ record }) => String(record.id)), secondsOfEach },
    clusterId,
    installationId: first.record.installationId,
    apply: async () => {
      for (const { record } of rows)
        await creditRecord(tx, { recordId: record.id, seconds: secondsOfEach, reason, recordedBy, now: clock.now() });
    },
  };
}

const DIFFERENCES_SHOWN = 10;

const showDifference = ({ clusterId, meter, recorded, computed }: Mismatch) => ({
  ...{ clusterId, meter, recordedSeconds: recorded.seconds, computedSeconds: computed.seconds },
  ...{ recordedQuantity: String(recorded.quantity), computedQuantity: String(computed.quantity) },
});

/**
 * Has a closed hour say what its computation from the recorded periods does, by rows that name what they correct. Throws
 * InvalidRequest for a moment that begins no hour, ResourceNotFound for an hour that is not closed, and Conflict when nothing differs.
 */
export async function planHourCorrection(
  tx: Transaction,
  hour: Date,
  { reason, recordedBy }: { reason: string; recordedBy: string },
  clock: Clock = systemClock,
): Promise<Change> {
  if (hourOf(hour).getTime() !== hour.getTime())
    throw new AppError('InvalidRequest', 'Give the beginning of a clock hour, e.g. 2026-05-20T10:00:00Z.', { target: 'hour' });
  if (!(await tx.usageHour.findUnique({ where: { hour } })))
    throw new AppError('ResourceNotFound', 'The hour is not in the ledger.');
  const found = await compareHourIn(tx, hour);
  if (found.length === 0) throw new AppError('Conflict', 'The ledger says of the hour what was recorded.');
  return {
    action: 'correct-usage',
    summary: `${found.length} differences of the hour ${hour.toISOString()} are corrected by rows of their own.`,
    before: { differences: found.length, first: found.slice(0, DIFFERENCES_SHOWN).map(showDifference) },
    after: { differences: 0 },
    apply: async () => {
      await correctHourIn(tx, hour, { reason, recordedBy, now: clock.now() });
    },
  };
}
