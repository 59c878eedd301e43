import { describe, expect, test } from 'vitest';
import type { ProvisioningState } from '@managed-consul/database';
import { isTerminal, LEGAL_MOVES, mayMove } from './index';

const STATES = Object.keys(LEGAL_MOVES) as ProvisioningState[];

describe('the states of a cluster', () => {
  test('allow a delete to be asked for from every living state', () => {
    const cannotBeDeleted = STATES.filter((state) => state !== 'Deleting' && !mayMove(state, 'Deleting'));
    expect(cannotBeDeleted).toEqual(['Deleted']);
  });

  test('let a delete end only as deleted, or failed and then deletable again', () => {
    expect(LEGAL_MOVES.Deleting).toEqual(['Deleted', 'Failed']);
    expect(mayMove('Failed', 'Deleting')).toBe(true);
  });

  test('have nothing after Deleted', () => {
    expect(LEGAL_MOVES.Deleted).toEqual([]);
  });

  test('never skip the work: nothing but work in progress becomes Succeeded', () => {
    expect(STATES.filter((state) => mayMove(state, 'Succeeded'))).toEqual(['Creating', 'Updating']);
  });

  test('are all reachable from Accepted', () => {
    const reached = new Set<ProvisioningState>(['Accepted']);
    for (const state of reached) for (const next of LEGAL_MOVES[state]) reached.add(next);
    expect([...reached].sort()).toEqual([...STATES].sort());
  });

  test('are terminal exactly when Azure Resource Manager says so', () => {
    expect(STATES.filter(isTerminal)).toEqual(['Succeeded', 'Failed', 'Canceled', 'Deleted']);
  });
});
