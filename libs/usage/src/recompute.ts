import type { Database, Transaction } from '@managed-consul/database';
import { hourAfter } from './hour';
import { LOCK_LEDGER } from './ledger.statements';
import { MEASURE } from './measure.statement';

/** Where the ledger says something else than the recorded periods do. */
export interface Mismatch {
  readonly hour: Date;
  readonly clusterId: string;
  readonly installationId: string;
  readonly meter: string;
  readonly planId: string;
  readonly priceId: string | null;
  /** The measured row; null where there is none. */
  readonly recordId: bigint | null;
  /** Time and quantity that the ledger has, with its corrections and without credits. */
  readonly recorded: { readonly seconds: number; readonly quantity: bigint };
  readonly computed: { readonly seconds: number; readonly quantity: bigint };
}

const COMPARE = `
  SELECT coalesce(computed.cluster_id, recorded.cluster_id)::text AS "clusterId",
    coalesce(computed.installation_id, recorded.installation_id)::text AS "installationId",
    coalesce(computed.meter, recorded.meter) AS meter, coalesce(computed.plan_id, recorded.plan_id) AS "planId",
    coalesce(computed.price_id, recorded.price_id)::text AS "priceId", recorded.id::text AS "recordId",
    coalesce(recorded.seconds, 0)::int AS "recordedSeconds", coalesce(recorded.quantity, 0)::text AS "recordedQuantity",
    coalesce(computed.seconds, 0)::int AS "computedSeconds", coalesce(computed.quantity, 0)::text AS "computedQuantity"
  FROM (${MEASURE}) AS computed FULL JOIN (
    SELECT min(id) FILTER (WHERE kind = 'Measured') AS id, cluster_id, installation_id, meter, plan_id, price_id,
      sum(seconds) AS seconds, sum(quantity) AS quantity
    FROM usage_records WHERE hour = $1::timestamptz AND kind <> 'Credit'
      AND ($3::uuid[] IS NULL OR installation_id = ANY($3::uuid[]))
    GROUP BY cluster_id, installation_id, meter, plan_id, price_id
  ) AS recorded
    ON recorded.cluster_id = computed.cluster_id AND recorded.meter = computed.meter AND recorded.plan_id = computed.plan_id
    AND coalesce(recorded.price_id::text, '') = coalesce(computed.price_id::text, '')
  WHERE coalesce(computed.seconds, 0) <> coalesce(recorded.seconds, 0) OR coalesce(computed.quantity, 0) <> coalesce(recorded.quantity, 0)
  ORDER BY 1, 3, 4, 5`;

interface Row {
  clusterId: string;
  installationId: string;
  meter: string;
  planId: string;
  priceId: string | null;
  recordId: string | null;
  recordedSeconds: number;
  recordedQuantity: string;
  computedSeconds: number;
  computedQuantity: string;
}

const readRow = (hour: Date, row: Row): Mismatch => ({
  ...{ hour, clusterId: row.clusterId, installationId: row.installationId, meter: row.meter },
  ...{ planId: row.planId, priceId: row.priceId, recordId: row.recordId === null ? null : BigInt(row.recordId) },
  recorded: { seconds: row.recordedSeconds, quantity: BigInt(row.recordedQuantity) },
  computed: { seconds: row.computedSeconds, quantity: BigInt(row.computedQuantity) },
});

/** A connection, or what stands for one. */
interface Queryable {
  query<Found extends object>(text: string, values: unknown[]): Promise<{ rows: Found[] }>;
}

/** The clusters of those installations; undefined: all. */
type Only = readonly string[] | undefined;

async function compare(client: Queryable, hour: Date, only: Only): Promise<Mismatch[]> {
  const { rows } = await client.query<Row>(COMPARE, [hour, hourAfter(hour), only ?? null]);
  return rows.map((row) => readRow(hour, row));
}

/** Computes a closed hour again and gives where the ledger differs; nothing is written. */
export const compareHour = ({ pool }: Pick<Database, 'pool'>, hour: Date): Promise<Mismatch[]> => compare(pool, hour, undefined);

const ADD = `INSERT INTO usage_records (kind, hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity,
    corrects_id, reason, recorded_by, recorded_at)
  VALUES ($1::"UsageRecordKind", $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`;

/** What was measured late is a measured row; a difference is a correction that names the row that it is about. */
const rowOf = (one: Mismatch, { reason, recordedBy, now }: Correction): unknown[] => [
  one.recordId === null ? 'Measured' : 'Correction',
  ...[one.hour, one.clusterId, one.installationId, one.meter, one.planId, one.priceId],
  one.computed.seconds - one.recorded.seconds,
  String(one.computed.quantity - one.recorded.quantity),
  one.recordId === null ? null : String(one.recordId),
  ...[reason, recordedBy, now],
];

export interface Correction {
  /** Why, for whoever reads the ledger. */
  readonly reason: string;
  readonly recordedBy: string;
  readonly now: Date;
}

/** Adds rows by which the hour says what its computation does, on a connection that holds the ledger. Gives what they are about. */
export async function addCorrections(client: Queryable, hour: Date, correction: Correction, only?: Only): Promise<Mismatch[]> {
  const found = await compare(client, hour, only);
  for (const one of found) await client.query(ADD, rowOf(one, correction));
  return found;
}

/** The same connection that a transaction of a request has. */
const within = (tx: Transaction): Queryable => ({
  query: async (text: string, values: unknown[]) => ({ rows: await tx.$queryRawUnsafe(text, ...values) }),
});

/** Where the ledger differs, as `compareHour`, seen from a transaction. */
export const compareHourIn = (tx: Transaction, hour: Date): Promise<Mismatch[]> => compare(within(tx), hour, undefined);

/** As `correctHour`, in a transaction with whatever else belongs to it. */
export async function correctHourIn(tx: Transaction, hour: Date, correction: Correction): Promise<Mismatch[]> {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtext('usage-ledger'))::text`;
  const closed = await tx.usageHour.findUnique({ where: { hour } });
  return closed ? addCorrections(within(tx), hour, correction) : [];
}

/**
 * Computes a closed hour again and corrects the ledger by new rows, so that it says the same. Gives what it corrected; called
 * again it finds nothing. An hour that is not closed is left alone.
 */
export async function correctHour({ pool }: Pick<Database, 'pool'>, hour: Date, correction: Correction): Promise<Mismatch[]> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    await client.query(LOCK_LEDGER);
    const { rowCount: closed } = await client.query('SELECT FROM usage_hours WHERE hour = $1', [hour]);
    const found = closed ? await addCorrections(client, hour, correction) : [];
    await client.query('COMMIT');
    return found;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.release(failure);
  }
}
