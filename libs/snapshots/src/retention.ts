import type { Snapshot } from '@managed-consul/database';

/** What retention looks at. */
export type RetainedSnapshot = Pick<Snapshot, 'id' | 'state' | 'createdAt' | 'expiresAt' | 'lastDrill'>;

export interface RetentionRule {
  now: Date;
  /** Most VERIFIED snapshots that are kept, whatever their age. */
  count: number;
  /**
   * Whether the cluster is still there: then its newest VERIFIED snapshot stays, whatever its age, and so does the newest one that
   * stood its last drill: what is newer may turn out not to.
   */
  living: boolean;
}

const newestFirst = (one: RetainedSnapshot, other: RetainedSnapshot): number =>
  other.createdAt.getTime() - one.createdAt.getTime() || (one.id < other.id ? 1 : -1);

const isProved = ({ lastDrill }: RetainedSnapshot): boolean => (lastDrill as { passed?: unknown } | null)?.passed === true;

/**
 * Which snapshots of one cluster have to go: those past their time, and the oldest VERIFIED ones beyond `count`. What is being
 * taken or deleted is left alone. Failed ones hold nothing and do not count; they go when their time is over.
 */
export function snapshotsToRemove<Row extends RetainedSnapshot>(
  rows: readonly Row[],
  { now, count, living }: RetentionRule,
): Row[] {
  const isOld = ({ expiresAt }: Row): boolean => expiresAt.getTime() <= now.getTime();
  const verified = rows.filter(({ state }) => state === 'VERIFIED').sort(newestFirst);
  const staying = living ? [verified[0], verified.find(isProved)] : [];
  const goingVerified = verified.filter((row, place) => !staying.includes(row) && (place >= count || isOld(row)));
  const goingFailed = rows.filter((row) => row.state === 'FAILED' && isOld(row));
  return [...goingVerified, ...goingFailed];
}
