import { roundHalfEven, unscaled } from './amount';

/** Consul service instances, without Consul itself. */
export const SERVICE_INSTANCES = 'service-instances';
/** Encrypted bytes of verified snapshots. */
export const SNAPSHOT_STORAGE = 'snapshot-storage';

export type ClusterMode = 'development' | 'production';

/** A cluster of a single server survives nothing: it is for development. */
export const modeOf = (servers: number): ClusterMode => (servers === 1 ? 'development' : 'production');

/** The meter of a running cluster, as the ledger's SQL writes it. */
export const clusterMeter = (servers: number, vmSize: string): string => `cluster/${modeOf(servers)}/${servers}/${vmSize}`;

export const isClusterMeter = (meter: string): boolean => meter.startsWith('cluster/');

/** What a meter's quantities are in, and how many of that make one second of one priced unit. */
interface MeterUnit {
  /** What is priced by the hour. */
  readonly unit: 'cluster' | 'instance' | 'GiB';
  readonly perUnitSecond: bigint;
}

/** Quantities are in cluster seconds, instance seconds and byte seconds; prices are for cluster, instance and GiB hours. */
export const unitOf = (meter: string): MeterUnit => {
  if (meter === SNAPSHOT_STORAGE) return { unit: 'GiB', perUnitSecond: 2n ** 30n };
  return { unit: meter === SERVICE_INSTANCES ? 'instance' : 'cluster', perUnitSecond: 1n };
};

/** A quantity of the ledger in unit hours, as decimal text, half to even. */
export const unitHours = (meter: string, quantity: bigint, digits = 6): string =>
  unscaled(roundHalfEven(quantity * 10n ** BigInt(digits), unitOf(meter).perUnitSecond * 3600n), digits);
