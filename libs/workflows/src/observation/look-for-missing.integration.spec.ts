import { OPERATION_KINDS, type OperationKind } from '@managed-consul/clusters';
import { hours } from '@managed-consul/config';
import type { OperationState } from '@managed-consul/database';
import { RowBench } from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClusterRecord } from '../cluster-record';
import { chooseSurvivors } from '../recover-quorum/survivors.steps';
import { confirmRepair } from '../repair-cluster/servers.steps';
import { confirmClusterCanBeResized } from '../resize-cluster/resize.steps';
import { lookForMissingServers, serversIntended, serversWanted } from './look-for-missing';

let bench: RowBench;
beforeAll(async () => {
  bench = await RowBench.open();
});
afterAll(() => bench.close());

type Ended = readonly [kind: OperationKind, state: OperationState, planned?: number];
const { repairCluster, createCluster, scaleCluster, recoverQuorum, rotateAgentTokens, resizeCluster } = OPERATION_KINDS;

const PLANS: Readonly<Partial<Record<OperationKind, { name: string }>>> = {
  [recoverQuorum]: chooseSurvivors,
  [repairCluster]: confirmRepair,
  [resizeCluster]: confirmClusterCanBeResized,
};

/** A cluster of so many servers, after those operations in that order. */
async function clusterAfter(servers: number, ...ended: Ended[]) {
  const clusterId = await bench.newCluster({ servers });
  for (const [index, [kind, state, planned]] of ended.entries()) {
    const finishedAt = new Date(Date.parse('2026-01-01T00:00:00Z') + hours(index));
    const plan = planned === undefined ? {} : { [PLANS[kind]?.name ?? '']: { servers: planned } };
    await bench.newOperation(clusterId, { kind, state, finishedAt, wakeAt: null }, plan);
  }
  const cluster = await findClusterRecord(bench.database, clusterId);
  if (!cluster) throw new Error('The cluster is gone.');
  return { database: bench.database, cluster };
}

/** What is found missing then. */
async function after(servers: number, ...ended: Ended[]) {
  const looking = await clusterAfter(servers, ...ended);
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

  it('are still those of a failed repair after a resize, and none when the resize took away what was too many', async () => {
    const failed: Ended = [repairCluster, 'Failed', 3];
    expect(await after(2, failed, [resizeCluster, 'Succeeded', 3])).toMatchObject({ wanted: 3, reason: 'ServerMissing' });
    expect(await after(3, [resizeCluster, 'Failed', 3], [repairCluster, 'Failed', 4], [resizeCluster, 'Succeeded', 3])).toEqual({
      wanted: 3,
    });
  });
});

describe('servers that a resize is to leave', () => {
  const intendedAfter = async (servers: number, ...ended: Ended[]) => serversIntended(await clusterAfter(servers, ...ended));
  const failed: Ended = [resizeCluster, 'Failed', 3];

  it('are as many as before a resize that failed with one too many, whatever repaired the cluster since', async () => {
    expect(await intendedAfter(4, [createCluster, 'Succeeded'], failed)).toBe(3);
    expect(await intendedAfter(4, [resizeCluster, 'Canceled', 3])).toBe(3);
    expect(await intendedAfter(4, failed, [resizeCluster, 'Failed'])).toBe(3);
    expect(await intendedAfter(4, failed, [rotateAgentTokens, 'Succeeded'], [repairCluster, 'Succeeded', 4])).toBe(3);
    expect(await intendedAfter(4, failed, [recoverQuorum, 'Succeeded', 4])).toBe(3);
  });

  it('are all where a change of the number made them, in whole or in part', async () => {
    expect(await intendedAfter(4, [scaleCluster, 'Failed'])).toBe(4);
    expect(await intendedAfter(5, failed, [scaleCluster, 'Succeeded'])).toBe(5);
    expect(await intendedAfter(4, failed, [scaleCluster, 'Failed'], [resizeCluster, 'Failed', 4])).toBe(4);
  });

  it('count those that are missing, so that what a repair has still to bring is not taken away later', async () => {
    expect(await intendedAfter(2, [repairCluster, 'Failed', 3])).toBe(3);
    expect(await intendedAfter(3, [repairCluster, 'Failed', 3], failed)).toBe(3);
  });
});
