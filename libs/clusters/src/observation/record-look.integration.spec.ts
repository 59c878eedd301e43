import { hours, minutes, seconds } from '@managed-consul/config';
import { RowBench } from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATION_KINDS } from '../cluster-names';
import type { Condition } from '../conditions';
import type { Finding, ServerFacts } from './facts';
import { recordLook, REPAIR_SUSPENDED } from './record-look';
import { MOST_REPAIRS } from './repair-policy';
import { conditionsFrom, INFRASTRUCTURE_RULES } from './server-conditions';

const NOW = new Date('2026-05-01T00:00:00Z');
const at = (by: number): Date => new Date(NOW.getTime() + by);

let bench: RowBench;
beforeAll(async () => {
  bench = await RowBench.open();
});
afterAll(() => bench.close());

const STRANGE: Finding = { reason: 'MachineUnknown', about: 'm_7', message: 'The scale set has a machine m_7 of no server.' };

/** A look that saw the server run `version`, and what is named. */
const look = (clusterId: string, version: string, { now = NOW, found = [STRANGE] as readonly Finding[] } = {}) => {
  const seen = { agentConnected: true, consulRunning: true, raftRole: 'leader', healthy: true } as const;
  const servers: ServerFacts[] = [{ name: 'a', vmId: 'vm-0', consulVersion: version, ...seen }];
  const about = { clusterId, now, repairAfter: minutes(1), source: 'inspect' as const, found, servers };
  return bench.database.prisma.$transaction((tx) =>
    recordLook(tx, { ...about, conditions: (findings) => conditionsFrom(INFRASTRUCTURE_RULES, findings) }),
  );
};

const read = (id: string) => bench.database.prisma.cluster.findUniqueOrThrow({ where: { id }, include: { serverRecords: true } });
const infrastructure = async (id: string) => ((await read(id)).conditions as unknown as Condition[])[0];

describe('a look', () => {
  it('that sees something else is news in the history, and moves no revision that a customer has read', async () => {
    const id = await bench.newCluster();
    const { revision } = await read(id);
    await look(id, '1.8.9', { found: [] });
    await look(id, '1.8.9');
    const second = await look(id, '1.8.9', { now: at(seconds(30)) });
    expect(second?.changed).toMatchObject([{ type: 'InfrastructureInSync', reason: 'MachineUnknown' }]);
    const cluster = await read(id);
    expect(cluster).toMatchObject({ revision, observedConsulVersion: '1.8.9', observedAt: at(seconds(30)) });
    expect(cluster.serverRecords).toMatchObject([{ consulVersion: '1.8.9', raftRole: 'leader', healthy: true }]);
  });

  it('leaves everything as it is while an operation works on the cluster, and when one ended after the look began', async () => {
    const id = await bench.newCluster();
    const kind = OPERATION_KINDS.upgradeCluster;
    const operation = await bench.newOperation(id, { kind, state: 'Running' });
    expect(await look(id, '1.8.6')).toBeUndefined();
    const { prisma } = bench.database;
    const ended = { state: 'Succeeded', finishedAt: at(seconds(10)) } as const;
    await prisma.operation.update({ where: { id: operation.id }, data: ended });
    expect(await look(id, '1.8.6', { now: at(seconds(5)) })).toBeUndefined();
    expect(await read(id)).toMatchObject({
      ...{ observedConsulVersion: '1.8.7', observedAt: null, serverRecords: [{ consulVersion: '1.8.7', raftRole: null }] },
    });
    expect(await look(id, '1.8.9', { now: at(seconds(20)) })).toBeDefined();
    expect((await read(id)).serverRecords).toMatchObject([{ consulVersion: '1.8.9' }]);
  });

  it('asks for a repair of what it has seen twice, and after too many of them says that it has given up, until it is gone', async () => {
    const id = await bench.newCluster({ servers: 3 });
    const ended = { kind: OPERATION_KINDS.repairCluster, state: 'Succeeded', requestedBy: 'schedule/observe' } as const;
    for (let count = 0; count < MOST_REPAIRS; count += 1) {
      await bench.newOperation(id, { ...ended, finishedAt: at(-hours(count + 0.5)), wakeAt: null });
    }
    expect((await look(id, '1.8.7'))?.repair).toBeUndefined();
    const givenUp = await look(id, '1.8.7', { now: at(minutes(2)) });
    expect(givenUp).toMatchObject({ repair: undefined, changed: [{ reason: REPAIR_SUSPENDED, status: 'False' }] });
    expect((await infrastructure(id))?.message).toContain('an operator is told');
    expect((await look(id, '1.8.7', { now: at(minutes(3)) }))?.changed).toEqual([]);
    await look(id, '1.8.7', { now: at(minutes(4)), found: [] });
    expect(await infrastructure(id)).toMatchObject({ status: 'True', reason: 'AsMade' });
    await look(id, '1.8.7', { now: at(hours(7)) });
    const again = await look(id, '1.8.7', { now: at(hours(7) + minutes(2)) });
    expect(again?.repair).toMatchObject({ kind: OPERATION_KINDS.repairCluster, requestedBy: 'schedule/observe' });
  });
});
