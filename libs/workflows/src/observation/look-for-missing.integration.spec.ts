import { OPERATION_KINDS, type OperationKind } from '@managed-consul/clusters';
import { hours } from '@managed-consul/config';
import type { OperationState } from '@managed-consul/database';
import { RowBench } from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClusterRecord } from '../cluster-record';
import { chooseSurvivors } from '../recover-quorum/survivors.steps';
import { confirmRepair } from '../repair-cluster/servers.steps';
import { lookForMissingServers, serversWanted } from './look-for-missing';

let bench: RowBench;
beforeAll(async () => {
  bench = await RowBench.open();
});
afterAll(() => bench.close());

type Ended = readonly [kind: OperationKind, state: OperationState, planned?: number];
const { repairCluster, createCluster, scaleCluster, recoverQuorum, rotateAgentTokens, resizeCluster } = OPERATION_KINDS;

/** A cluster of so many servers, after those operations in that order; what is found missing. */
async function after(servers: number, ...ended: Ended[]) {
  const clusterId = await bench.newCluster({ servers });
  for (const [index, [kind, state, planned]] of ended.entries()) {
    const finishedAt = new Date(Date.parse('2026-01-01T00:00:00Z') + hours(index));
    const { name } = kind === recoverQuorum ? chooseSurvivors : confirmRepair;
    const plan = planned === undefined ? {} : { [name]: { servers: planned } };
    await bench.newOperation(clusterId, { kind, state, finishedAt, wakeAt: null }, plan);
  }
  const cluster = await findClusterRecord(bench.database, clusterId);
  if (!cluster) throw new Error('The cluster is gone.');
  const looking = { database: bench.database, cluster };
  const [finding, ...more] = await lookForMissingServers(looking);
  expect(more).toEqual([]);
  return { wanted: await serversWanted(looking), reason: finding?.reason, message: finding?.message };
}

describe('servers that are missing', () => {
  it('are those that a repair has planned and not brought, one or two', async () => {
    const one = await after(2, [createCluster, 'Succeeded'], [repairCluster, 'Failed', 3]);
    expect(one).toMatchObject({ wanted: 3, reason: 'ServerMissing' });
    expect(one.message).toContain('2 servers in place of 3');
    expect(await after(3, [createCluster, 'Succeeded'], [repairCluster, 'Canceled', 5])).toMatchObject({ wanted: 5 });
  });

  it('are none after a repair that succeeded, whatever the number of servers', async () => {
    expect(await after(4, [resizeCluster, 'Failed'], [repairCluster, 'Succeeded', 4])).toEqual({ wanted: 4 });
    expect(await after(2, [repairCluster, 'Failed', 3], [scaleCluster, 'Failed'])).toEqual({ wanted: 2 });
  });

  it('are none where a repair that failed had planned no more than there are', async () => {
    expect(await after(4, [resizeCluster, 'Failed'], [repairCluster, 'Failed', 4])).toEqual({ wanted: 4 });
  });

  it('are not forgotten because of what says nothing of the number: a rotation, or a repair that failed before it had a plan', async () => {
    const all: Ended[] = [
      [repairCluster, 'Failed', 3],
      [rotateAgentTokens, 'Succeeded'],
      [repairCluster, 'Failed'],
    ];
    expect(await after(2, ...all)).toMatchObject({ wanted: 3, reason: 'ServerMissing' });
  });

  it('are those that a recovery of the quorum has not brought, and not forgotten when the next finds no quorum lost', async () => {
    const failed: Ended = [recoverQuorum, 'Failed', 3];
    expect(await after(1, [createCluster, 'Succeeded'], failed)).toMatchObject({ wanted: 3, reason: 'ServerMissing' });
    expect(await after(1, failed, [recoverQuorum, 'Failed'])).toMatchObject({ wanted: 3 });
    expect(await after(2, [repairCluster, 'Failed', 3], [recoverQuorum, 'Failed'])).toMatchObject({ wanted: 3 });
    expect(await after(3, failed, [recoverQuorum, 'Succeeded', 3])).toEqual({ wanted: 3 });
  });
});
