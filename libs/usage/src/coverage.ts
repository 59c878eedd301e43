import type { Database } from '@managed-consul/database';
import { hourAfter, hoursOf, type Span } from './hour';
import { compareHour, type Mismatch } from './recompute';

/** What an operator asks of the ledger: whether it has every hour, and says what happened. */
export interface Coverage {
  /** Hours of the span that are over and not closed. */
  readonly openHours: readonly Date[];
  /** Hours in which a cluster ran and its service instances were never counted: none are billed, or those that were last seen. */
  readonly uncounted: readonly { readonly hour: Date; readonly clusterId: string }[];
  /** Where closed hours say something else than the recorded periods: missing, too much or too little. */
  readonly mismatched: readonly Mismatch[];
}

const UNCOUNTED = `SELECT hour, cluster_id::text AS "clusterId" FROM usage_records ran
  WHERE kind = 'Measured' AND hour >= $1 AND hour < $2 AND meter LIKE 'cluster/%'
    AND NOT EXISTS (SELECT FROM service_instance_peaks peak WHERE peak.hour = ran.hour AND peak.cluster_id = ran.cluster_id AND NOT is_carried)
  GROUP BY hour, cluster_id ORDER BY hour, cluster_id LIMIT 1000`;

/** Looks at every hour of the span. `uncounted` holds a thousand at most. */
export async function examineCoverage(database: Database, span: Span, now: Date): Promise<Coverage> {
  const closed = await database.prisma.usageHour.findMany({
    where: { hour: { gte: span.from, lt: span.to } },
    orderBy: { hour: 'asc' },
  });
  const known = new Set(closed.map(({ hour }) => hour.getTime()));
  const first = await database.prisma.usagePeriod.findFirst({ orderBy: { startsAt: 'asc' } });
  const isOwed = (hour: Date) => first !== null && hourAfter(hour) > first.startsAt && hourAfter(hour) <= now;
  const openHours = hoursOf(span).filter((hour) => isOwed(hour) && !known.has(hour.getTime()));
  const mismatched: Mismatch[] = [];
  for (const { hour } of closed) mismatched.push(...(await compareHour(database, hour)));
  const { rows: uncounted } = await database.pool.query<{ hour: Date; clusterId: string }>(UNCOUNTED, [span.from, span.to]);
  return { openHours, uncounted, mismatched };
}
