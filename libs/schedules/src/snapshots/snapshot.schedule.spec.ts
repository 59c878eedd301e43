import { describe, expect, it } from 'vitest';
import { nextSnapshotAt } from './snapshot.schedule';

const HOUR = 3_600_000;
const now = new Date('2026-03-01T12:00:00Z');
const cluster = (number: number, snapshotIntervalSeconds = 86_400) => ({ id: `cluster-${number}`, snapshotIntervalSeconds });

describe('the next snapshot of a cluster', () => {
  it('comes within one interval, and then exactly one interval later', () => {
    const next = nextSnapshotAt(cluster(1), now);
    expect(next.getTime()).toBeGreaterThan(now.getTime());
    expect(next.getTime() - now.getTime()).toBeLessThanOrEqual(24 * HOUR);
    expect(nextSnapshotAt(cluster(1), next).getTime() - next.getTime()).toBe(24 * HOUR);
  });

  it('is one, however many were missed', () => {
    const next = nextSnapshotAt(cluster(2), now);
    const tenDaysLater = new Date(next.getTime() + 240 * HOUR + 1);
    expect(nextSnapshotAt(cluster(2), tenDaysLater).getTime() - tenDaysLater.getTime()).toBeLessThanOrEqual(24 * HOUR);
  });

  it('is spread evenly: of many clusters about as many are due in each hour', () => {
    const perHour = Array.from({ length: 24 }, () => 0);
    for (let number = 0; number < 24_000; number += 1) {
      const hour = Math.floor((nextSnapshotAt(cluster(number), now).getTime() - now.getTime() - 1) / HOUR);
      perHour[hour] = (perHour[hour] ?? 0) + 1;
    }
    for (const count of perHour) expect(count).toBeGreaterThan(850);
  });
});
