import type { Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { Amount } from './amount';
import { clusterMeter, SERVICE_INSTANCES, SNAPSHOT_STORAGE, unitOf } from './meters';
import { costOf, dimensionOf } from './price';
import { priceAt } from './prices';

/** A month in estimates: 365 days of 24 hours by 12. */
export const HOURS_OF_A_MONTH = 730;

export interface EstimateWish {
  readonly planId: string;
  readonly servers: number;
  readonly vmSize: string;
  readonly serviceInstances?: number | undefined;
  /** Whole GiB of snapshots. */
  readonly snapshotGib?: number | undefined;
}

export interface EstimateLine {
  readonly meter: string;
  /** Null where the plan has no price for the meter: it costs nothing. */
  readonly dimension: string | null;
  readonly hourly: Amount;
  readonly monthly: Amount;
}

export interface Estimate {
  readonly currency: string;
  readonly hourly: Amount;
  readonly monthly: Amount;
  readonly lines: readonly EstimateLine[];
}

/** What a cluster like this costs by the prices of the moment, before it is made or changed. Throws ResourceNotFound. */
export async function estimateCost(database: Database, wish: EstimateWish, now: Date): Promise<Estimate> {
  const price = await priceAt(database, wish.planId, now);
  if (!price) throw new AppError('ResourceNotFound', `There is no plan ${wish.planId} with a price.`, { target: 'plan' });
  const uses: [string, number][] = [
    [clusterMeter(wish.servers, wish.vmSize), 1],
    [SERVICE_INSTANCES, wish.serviceInstances ?? 0],
    [SNAPSHOT_STORAGE, wish.snapshotGib ?? 0],
  ];
  const lines = uses.map(([meter, units]) => {
    const dimension = dimensionOf(price.dimensions, meter);
    const quantity = BigInt(units) * 3600n * unitOf(meter).perUnitSecond;
    const hourly = Amount.sum(dimension ? costOf(dimension, { meter, seconds: 3600, quantity }).map(({ cost }) => cost) : []);
    return { meter, dimension: dimension?.name ?? null, hourly, monthly: hourly.times(HOURS_OF_A_MONTH) };
  });
  const sum = (of: 'hourly' | 'monthly') => Amount.sum(lines.map((line) => line[of]));
  return { currency: price.currency, hourly: sum('hourly'), monthly: sum('monthly'), lines };
}
