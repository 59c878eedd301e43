import { describe, expect, it } from 'vitest';
import { defaultSnapshotName } from './snapshot-names';
import { mayMoveSnapshot, SNAPSHOT_MOVES } from './snapshot-state';

describe('states of a snapshot', () => {
  it('lead to VERIFIED only through CREATING, and out of DELETING nowhere', () => {
    const into = Object.keys(SNAPSHOT_MOVES).filter((from) => mayMoveSnapshot(from as keyof typeof SNAPSHOT_MOVES, 'VERIFIED'));
    expect(into).toEqual(['CREATING']);
    expect(SNAPSHOT_MOVES.DELETING).toEqual([]);
  });

  it('let go of any snapshot, and never turn a good one into a failed one', () => {
    for (const from of ['QUEUED', 'CREATING', 'VERIFIED', 'FAILED'] as const)
      expect(mayMoveSnapshot(from, 'DELETING')).toBe(true);
    expect(mayMoveSnapshot('VERIFIED', 'FAILED')).toBe(false);
  });
});

describe('the name of a snapshot that nobody named', () => {
  it('says what it is and when it was asked for', () => {
    expect(defaultSnapshotName('SCHEDULED', new Date('2026-11-22T03:00:00.125Z'))).toBe('scheduled-20261122-030000-125');
  });
});
