import { describe, expect, it } from 'vitest';
import { snapshotsToRemove, type RetainedSnapshot } from './retention';

const now = new Date('2026-03-01T00:00:00Z');
const day = 24 * 3_600_000;

/** A snapshot taken so many days ago and kept for 30. */
const taken = (daysAgo: number, changes: Partial<RetainedSnapshot> = {}): RetainedSnapshot => {
  const createdAt = new Date(now.getTime() - daysAgo * day);
  const expiresAt = new Date(createdAt.getTime() + 30 * day);
  return { id: `day-${daysAgo}`, state: 'VERIFIED', createdAt, expiresAt, lastDrill: null, ...changes };
};
const idsOf = (rows: readonly RetainedSnapshot[]) => rows.map(({ id }) => id).sort();
const rule = { now, count: 10, living: true };

describe('retention', () => {
  it('lets go what is past its time, and nothing before', () => {
    expect(idsOf(snapshotsToRemove([taken(1), taken(29), taken(30), taken(45)], rule))).toEqual(['day-30', 'day-45']);
  });

  it('lets go the oldest beyond the count, whatever their age', () => {
    expect(idsOf(snapshotsToRemove([taken(3), taken(1), taken(2)], { ...rule, count: 2 }))).toEqual(['day-3']);
  });

  it('never lets go the last good one of a living cluster', () => {
    expect(snapshotsToRemove([taken(400)], rule)).toEqual([]);
    expect(snapshotsToRemove([taken(1)], { ...rule, count: 0 })).toEqual([]);
    const failedSince = taken(1, { state: 'FAILED' });
    expect(snapshotsToRemove([taken(400), failedSince], rule)).toEqual([]);
    expect(idsOf(snapshotsToRemove([taken(400), taken(399)], rule))).toEqual(['day-400']);
  });

  it('never lets go the last one of a living cluster that stood a drill, though there are newer ones', () => {
    const proved = (daysAgo: number) => taken(daysAgo, { lastDrill: { passed: true } });
    const refuted = taken(40, { lastDrill: { passed: false } });
    const rows = [taken(1), taken(2), refuted, proved(50), proved(60)];
    expect(idsOf(snapshotsToRemove(rows, rule))).toEqual(['day-40', 'day-60']);
    expect(idsOf(snapshotsToRemove(rows, { ...rule, count: 1 }))).toEqual(['day-2', 'day-40', 'day-60']);
    expect(idsOf(snapshotsToRemove([proved(1), proved(50)], rule))).toEqual(['day-50']);
    expect(idsOf(snapshotsToRemove([proved(50)], { ...rule, living: false }))).toEqual(['day-50']);
  });

  it('lets go the last one too when the cluster is gone', () => {
    expect(idsOf(snapshotsToRemove([taken(400)], { ...rule, living: false }))).toEqual(['day-400']);
  });

  it('leaves alone what is being taken or deleted, and does not count what failed', () => {
    const rows = [taken(400, { state: 'CREATING' }), taken(401, { state: 'DELETING' }), taken(402, { state: 'QUEUED' })];
    expect(snapshotsToRemove(rows, rule)).toEqual([]);
    const failed = taken(1, { id: 'failed', state: 'FAILED' });
    expect(snapshotsToRemove([failed, taken(2), taken(3)], { ...rule, count: 2 })).toEqual([]);
    expect(idsOf(snapshotsToRemove([taken(2), taken(31, { state: 'FAILED' })], rule))).toEqual(['day-31']);
  });
});
