import type { Transaction } from '@managed-consul/database';
import { hourOf } from './hour';

/** Notes how many service instances a cluster has at this moment; of an hour the most count. */
export async function recordServiceInstances(tx: Transaction, clusterId: string, instances: number, now: Date): Promise<void> {
  await tx.$executeRaw`INSERT INTO service_instance_peaks (cluster_id, hour, instances)
    VALUES (${clusterId}::uuid, ${hourOf(now)}, ${instances})
    ON CONFLICT (hour, cluster_id) DO UPDATE SET instances = EXCLUDED.instances
    WHERE service_instance_peaks.instances < EXCLUDED.instances`;
}
