import type { Transaction } from '@managed-consul/database';
import { hourOf } from './hour';

/** Notes how many service instances a cluster has at this moment; of an hour the most count. */
export async function recordServiceInstances(tx: Transaction, clusterId: string, instances: number, now: Date): Promise<void> {
  await tx.$executeRaw`INSERT INTO service_instance_peaks AS peak (cluster_id, hour, instances, last)
    VALUES (${clusterId}::uuid, ${hourOf(now)}, ${instances}, ${instances})
    ON CONFLICT (hour, cluster_id) DO UPDATE SET is_carried = false, last = EXCLUDED.last,
      instances = CASE WHEN peak.is_carried THEN EXCLUDED.instances ELSE greatest(peak.instances, EXCLUDED.instances) END
    WHERE peak.is_carried OR peak.instances < EXCLUDED.instances OR peak.last <> EXCLUDED.last`;
}

/**
 * Gives clusters (of the installations `$2`, or of all when that is null) that ran in the hour `$1` and were not counted in it the count that the hour before ended with: a Consul that
 * does not answer has not lost its services. An hour is closed after the one before it, so that the count is carried through
 * any number of them. Who was not counted in the hour before either has nothing to carry.
 */
export const CARRY_COUNTS = `INSERT INTO service_instance_peaks (cluster_id, hour, instances, last, is_carried)
  SELECT before.cluster_id, $1::timestamptz, before.last, before.last, true FROM service_instance_peaks before
  WHERE before.hour = $1::timestamptz - interval '1 hour'
    AND EXISTS (SELECT FROM usage_periods period WHERE period.cluster_id = before.cluster_id AND charged
      AND ($2::uuid[] IS NULL OR period.installation_id = ANY($2::uuid[]))
      AND period.starts_at < $1::timestamptz + interval '1 hour' AND (period.ends_at IS NULL OR period.ends_at > $1::timestamptz))
  ON CONFLICT (hour, cluster_id) DO NOTHING`;
