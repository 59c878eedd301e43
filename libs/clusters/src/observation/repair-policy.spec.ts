import { describe, expect, it } from 'vitest';
import { hours, minutes } from '@managed-consul/config';
import type { FindingReason, SeenFinding } from './facts';
import { decideRepair, MOST_REPAIRS } from './repair-policy';

const NOW = new Date('2026-05-01T00:00:00Z');
const ago = (by: number) => new Date(NOW.getTime() - by);
const seen = (reason: FindingReason, age: number, looks = 2): SeenFinding => ({
  ...{ reason, about: 'a', message: reason, looks },
  firstSeenAt: ago(age),
});
const decide = (findings: SeenFinding[], repairs: Date[] = []) => decideRepair(findings, repairs, minutes(1), NOW);

describe('a repair', () => {
  it('waits for the second look, and until what restarts by itself had its time', () => {
    expect(decide([seen('ResourceAltered', 0, 1)]).decision).toBe('nothing');
    expect(decide([seen('ResourceAltered', 0)]).decision).toBe('repair');
    expect(decide([seen('ServerDown', minutes(0.5))]).decision).toBe('later');
    expect(decide([seen('ServerDown', minutes(1))]).decision).toBe('repair');
    expect(decide([seen('AgentAway', minutes(9))]).decision).toBe('later');
    expect(decide([seen('AgentAway', minutes(10))]).decision).toBe('repair');
  });

  it('takes what is due and leaves the rest', () => {
    const decided = decide([seen('MachineGone', 0), seen('ServerDown', 0), seen('ServerUnhealthy', hours(1))]);
    expect(decided).toMatchObject({ decision: 'repair', findings: [{ reason: 'MachineGone' }] });
  });

  it('replaces no server while nobody leads, but starts servers and mends what is in Azure', () => {
    const lost = seen('QuorumLost', hours(1));
    expect(decide([lost, seen('MachineGone', hours(1))]).decision).toBe('nothing');
    expect(decide([lost, seen('ServerDown', hours(1))])).toMatchObject({ findings: [{ reason: 'ServerDown' }] });
    expect(decide([lost, seen('ResourceAltered', hours(1))])).toMatchObject({ findings: [{ reason: 'ResourceAltered' }] });
  });

  it('waits twice as long after each repair, and is given up after too many', () => {
    const again = [seen('ResourceAltered', hours(1))];
    expect(decide(again, [ago(minutes(0.5))]).decision).toBe('later');
    expect(decide(again, [ago(minutes(1))]).decision).toBe('repair');
    expect(decide(again, [ago(minutes(3)), ago(hours(1)), ago(hours(2))]).decision).toBe('later');
    expect(decide(again, [ago(minutes(4)), ago(hours(1)), ago(hours(2))]).decision).toBe('repair');
    const many = Array.from({ length: MOST_REPAIRS }, (_none, index) => ago(hours(index + 0.5)));
    expect(decide(again, many).decision).toBe('give up');
    expect(
      decide(
        again,
        many.map((end) => new Date(end.getTime() - hours(6))),
      ).decision,
    ).toBe('repair');
  });
});
