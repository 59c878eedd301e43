import { hours, type Clock } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { whilePlanningAlone, type Connection } from './emission-lock';
import { inMillionths, type MeteringService, type ReportedDay } from './metering-service';
import { RELEASE } from './past-limit';
import { lastSettledDay } from './time-limit';
import { chooseTaken, type UnsureEvent } from './untaken-events';

/** What the comparison of settled days with Azure's report found. */
export interface Reconciled {
  /** Events without an answer that Azure had taken. */
  readonly taken: number;
  /** Events without an answer that it had not: what they told goes into a later hour. */
  readonly released: number;
  /** Days of a resource and dimension for which the two do not agree. */
  readonly mismatched: number;
}

interface SentDay {
  day: string;
  resource_id: string;
  dimension: string;
  count: number;
  quantity: string;
  unsure: UnsureEvent[] | null;
}

/** Days that are compared again and again: Azure bills what it took only after a while. */
const COMPARED_DAYS = 3;

const FIRST_UNRESOLVED = `SELECT date_trunc('day', min(hour) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS first FROM usage_emissions WHERE state = 'Unresolved'`;

const SENT_DAYS = `
SELECT to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, resource_id, dimension,
  count(*) FILTER (WHERE state IN ('Accepted', 'Mismatched'))::int AS count,
  coalesce(sum(accepted_quantity) FILTER (WHERE state IN ('Accepted', 'Mismatched')), 0)::numeric(24, 6)::text AS quantity,
  jsonb_agg(jsonb_build_object('id', id, 'quantity', quantity::text) ORDER BY hour) FILTER (WHERE state = 'Unresolved') AS unsure
FROM usage_emissions WHERE hour >= $1 AND hour < $2 GROUP BY 1, 2, 3`;

const TAKE = `UPDATE usage_emissions SET state = 'Accepted', accepted_quantity = quantity, problem = NULL, settled_at = $2
  WHERE id = ANY($1::uuid[]) AND state = 'Unresolved'`;
const EXPIRE = `UPDATE usage_emissions SET state = 'Expired', may_be_taken = false WHERE id = ANY($1::uuid[]) AND state = 'Unresolved'`;

const FORGET = `DELETE FROM usage_mismatches WHERE day >= $1::date AND day < $2::date`;
const REMEMBER = `INSERT INTO usage_mismatches (day, resource_id, dimension, sent_quantity, submitted_quantity, processed_quantity, recon_status, found_at)
  SELECT n.day, n.resource_id, n.dimension, n.sent, n.submitted, n.processed, n.status, $2
  FROM jsonb_to_recordset($1::jsonb) AS n(day date, resource_id text, dimension text, sent numeric, submitted numeric, processed numeric, status text)`;

/** Days from `first` up to `end`, which is not one of them. */
interface Span {
  readonly first: Date;
  readonly end: Date;
}

async function spanOf({ pool }: Database, now: Date): Promise<Span> {
  const last = lastSettledDay(now);
  const usual = new Date(last.getTime() - hours(24 * (COMPARED_DAYS - 1)));
  const { rows } = await pool.query<{ first: Date | null }>(FIRST_UNRESOLVED);
  const unresolved = rows[0]?.first;
  return { first: unresolved && unresolved < usual ? unresolved : usual, end: new Date(last.getTime() + hours(24)) };
}

const isAnythingSent = async ({ pool }: Database): Promise<boolean> =>
  ((await pool.query('SELECT FROM usage_emissions LIMIT 1')).rowCount ?? 0) > 0;

const keyOf = (day: string, resourceId: string, dimension: string): string => `${day}|${resourceId.toLowerCase()}|${dimension}`;

/**
 * Compares what was sent on settled days with what Azure reports: finds out what became of events that had no answer, and keeps
 * the days that do not agree. Throws what the metering service throws. May run twice.
 */
export async function reconcileUsage(
  database: Database,
  metering: MeteringService,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Reconciled> {
  const now = clock.now();
  const span = await spanOf(database, now);
  // Who has never sent anything has nothing to compare, and perhaps no right to ask.
  if (!(await isAnythingSent(database))) return { taken: 0, released: 0, mismatched: 0 };
  const rows = await metering.report(span.first, new Date(span.end.getTime() - 1), signal);
  const reported = new Map<string, ReportedDay>(rows.map((row) => [keyOf(row.day, row.resourceId, row.dimension), row]));
  return whilePlanningAlone(database, async (connection) => {
    const { rows: sent } = await connection.query<SentDay>(SENT_DAYS, [span.first, span.end]);
    const judged = sent.map((day) => judge(day, reported.get(keyOf(day.day, day.resource_id, day.dimension))));
    const taken = judged.flatMap((one) => one.taken);
    const released = judged.flatMap((one) => one.released);
    await connection.query(TAKE, [taken, now]);
    await connection.query(EXPIRE, [released]);
    if (released.length > 0) await connection.query(RELEASE, [released]);
    const mismatches = judged.flatMap((one) => (one.mismatch ? [one.mismatch] : []));
    await remember(connection, span, [...mismatches, ...unknownTo(sent, reported)], now);
    return { taken: taken.length, released: released.length, mismatched: mismatches.length };
  });
}

async function remember(connection: Connection, { first, end }: Span, mismatches: readonly Mismatch[], now: Date): Promise<void> {
  await connection.query(FORGET, [first, end]);
  await connection.query(REMEMBER, [JSON.stringify(mismatches), now]);
}

interface Mismatch {
  readonly day: string;
  readonly resource_id: string;
  readonly dimension: string;
  readonly sent: string;
  readonly submitted: string;
  readonly processed: string;
  readonly status: string;
}

interface Judgement {
  readonly taken: readonly string[];
  readonly released: readonly string[];
  readonly mismatch: Mismatch | undefined;
}

const inUnits = (millionths: bigint): string => {
  const digits = (millionths < 0n ? -millionths : millionths).toString().padStart(7, '0');
  return `${millionths < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
};

function judge(sent: SentDay, row: ReportedDay | undefined): Judgement {
  const unsure = sent.unsure ?? [];
  const known = inMillionths(sent.quantity);
  const submitted = inMillionths(row?.submittedQuantity ?? '0');
  const chosen = chooseTaken(unsure, (row?.submittedCount ?? 0) - sent.count, submitted - known);
  const ids = unsure.map(({ id }) => id);
  const isBilled = row === undefined || (['Accepted', 'Submitted'].includes(row.reconStatus) && isProcessed(row));
  const { day, resource_id, dimension } = sent;
  const mismatch = {
    ...{ day, resource_id, dimension, sent: inUnits(known), submitted: inUnits(submitted) },
    processed: row?.processedQuantity ?? '0',
    status: row?.reconStatus ?? 'Missing',
  };
  return {
    taken: chosen ? ids.filter((id) => chosen.has(id)) : [],
    released: chosen ? ids.filter((id) => !chosen.has(id)) : [],
    mismatch: chosen && isBilled ? undefined : mismatch,
  };
}

const isProcessed = ({ reconStatus, submittedQuantity, processedQuantity }: ReportedDay): boolean =>
  reconStatus === 'Submitted' || inMillionths(submittedQuantity) === inMillionths(processedQuantity);

/** What Azure reports and the service never sent. */
function unknownTo(sent: readonly SentDay[], reported: ReadonlyMap<string, ReportedDay>): Mismatch[] {
  const known = new Set(sent.map(({ day, resource_id, dimension }) => keyOf(day, resource_id, dimension)));
  return [...reported].flatMap(([key, row]) => {
    if (known.has(key)) return [];
    const { day, resourceId, dimension, submittedQuantity, processedQuantity, reconStatus } = row;
    return [
      {
        ...{ day, resource_id: resourceId, dimension, sent: '0', submitted: submittedQuantity },
        ...{ processed: processedQuantity, status: reconStatus },
      },
    ];
  });
}
