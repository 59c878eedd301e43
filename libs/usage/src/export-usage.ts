import { minutes } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { hoursOf, type Span } from './hour';
import { pricesById, type Price } from './prices';
import { lineOf, type UsageLine } from './usage-report';

/** What was used and what it costs, with whom and what it is about. */
export interface ExportedLine extends UsageLine {
  readonly installationId: string;
  /** The customer's Entra tenant. */
  readonly tenantId: string;
  readonly clusterName: string;
  readonly region: string;
}

/** Lines that are read at once: memory follows this, not what a month has. */
const PAGE = 1000;

interface Row {
  hour: Date;
  clusterId: string;
  installationId: string;
  meter: string;
  planId: string;
  priceId: string | null;
  seconds: number;
  quantity: string;
  clusterName: string;
  region: string;
  tenantId: string;
}

/** PostgreSQL takes no parameters in a cursor: the texts that stand here are literals already. */
const cursorOver = (hour: string, installation: string | undefined): string => `DECLARE usage_export NO SCROLL CURSOR FOR
  SELECT r.hour, r.cluster_id::text AS "clusterId", r.installation_id::text AS "installationId", r.meter, r.plan_id AS "planId",
    r.price_id::text AS "priceId", sum(r.seconds)::int AS seconds, sum(r.quantity)::text AS quantity,
    coalesce(min(c.name), '') AS "clusterName", coalesce(min(c.region), '') AS region, coalesce(min(i.tenant_id), '') AS "tenantId"
  FROM usage_records r LEFT JOIN clusters c ON c.id = r.cluster_id LEFT JOIN installations i ON i.id = r.installation_id
  WHERE r.hour = ${hour} ${installation === undefined ? '' : `AND r.installation_id = ${installation}`}
  GROUP BY r.hour, r.cluster_id, r.installation_id, r.meter, r.plan_id, r.price_id HAVING sum(r.seconds) <> 0 OR sum(r.quantity) <> 0
  ORDER BY r.cluster_id, r.meter, r.plan_id, r.price_id`;

/** Reads the prices that lines name once each: there are as many as operators have made. */
async function priced(database: Database, rows: readonly Row[], known: Map<string, Price>): Promise<ExportedLine[]> {
  const unknown = new Set(rows.flatMap(({ priceId }) => (priceId === null || known.has(priceId) ? [] : [priceId])));
  if (unknown.size > 0) for (const [id, price] of await pricesById(database, [...unknown])) known.set(id, price);
  return rows.map(({ installationId, tenantId, clusterName, region, ...row }) => ({
    ...{ installationId, tenantId, clusterName, region },
    ...lineOf(row, known),
  }));
}

/**
 * All lines of the span, of one installation or of all, by hour and cluster, as the ledger stands when this begins: corrections and
 * credits are in them. Holds a connection until its end, and as much of the ledger in memory as a page.
 */
export async function* exportUsage(database: Database, span: Span, installationId?: string): AsyncGenerator<ExportedLine> {
  const client = await database.pool.connect();
  const prices = new Map<string, Price>();
  let failure: unknown;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // Somebody who reads slowly keeps the transaction open between two pages.
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${minutes(10)}`);
    const installation = installationId === undefined ? undefined : client.escapeLiteral(installationId);
    for (const hour of hoursOf(span)) {
      await client.query(cursorOver(client.escapeLiteral(hour.toISOString()), installation));
      for (let isMore = true; isMore;) {
        const { rows } = await client.query<Row>(`FETCH ${PAGE} FROM usage_export`);
        yield* await priced(database, rows, prices);
        isMore = rows.length === PAGE;
      }
      await client.query('CLOSE usage_export');
    }
    await client.query('COMMIT');
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // A reader that went away leaves the transaction open: ending it is cheaper than another connection.
    const isClean = !failure && (await client.query('ROLLBACK').then(Boolean, () => false));
    client.release(!isClean);
  }
}
