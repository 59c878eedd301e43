import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedOperationSchema } from '@managed-consul/api-contract';
import type { Cluster } from '@managed-consul/database';
import { until } from '@managed-consul/testing';
import { startApi, type ApiUnderTest, type Person, type RawAnswer } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const codeOf = ({ status, body }: RawAnswer) => [status, body.error?.code];
const post = (cluster: Cluster, action: string, body: unknown, headers = {}) =>
  api.request(owner, 'POST', `/v1/clusters/${cluster.id}/${action}`, { body, headers });
const stateOf = async ({ id }: Cluster) =>
  (await api.clientOf(owner).call('getCluster', { params: { id } })).body.provisioningState;

describe('a change of the servers', () => {
  test.each([
    ['scale', { servers: 5 }, 'scale-cluster'],
    ['scale', { servers: 1 }, 'scale-cluster'],
    ['resize', { vmSize: 'Standard_D4s_v3' }, 'resize-cluster'],
    ['suspend', {}, 'suspend-cluster'],
    ['suspend', undefined, 'suspend-cluster'],
    ['repair', {}, 'repair-cluster'],
  ])('%s %o is accepted, and the cluster is Updating', async (action, body, kind) => {
    const cluster = await api.newReadyCluster(owner);
    const answer = await post(cluster, action, body);
    expect(answer.status).toBe(202);
    const { operation } = acceptedOperationSchema.parse(answer.body);
    expect([operation.kind, operation.status]).toEqual([kind, 'Pending']);
    expect(answer.headers.get('operation-location')).toBe(`https://api.example.com/v1/operations/${operation.id}`);
    expect(await stateOf(cluster)).toBe('Updating');
  });

  test.each([
    ['scale', { servers: 2 }, [400, 'InvalidRequest']],
    ['scale', { servers: 4 }, [400, 'InvalidRequest']],
    ['scale', { servers: 0 }, [400, 'InvalidRequest']],
    ['scale', { servers: -3 }, [400, 'InvalidRequest']],
    ['scale', { servers: 7 }, [400, 'InvalidRequest']],
    ['scale', { servers: 3.5 }, [400, 'InvalidRequest']],
    ['scale', { servers: '5' }, [400, 'InvalidRequest']],
    ['scale', {}, [400, 'InvalidRequest']],
    ['scale', { servers: 5, vmSize: 'Standard_D4s_v3' }, [400, 'InvalidRequest']],
    ['scale', { servers: 3 }, [409, 'Conflict']],
    ['resize', { vmSize: 'Standard_Nope' }, [400, 'InvalidRequest']],
    ['resize', { vmSize: 'Standard_B2s' }, [400, 'InvalidRequest']],
    ['resize', { vmSize: 'Standard_D2s_v3' }, [409, 'Conflict']],
    ['suspend', { now: true }, [400, 'InvalidRequest']],
    ['resume', {}, [409, 'Conflict']],
  ])('%s %o is refused and stores nothing', async (action, body, expected) => {
    const cluster = await api.newReadyCluster(owner);
    expect(codeOf(await post(cluster, action, body))).toEqual(expected);
    expect(await stateOf(cluster)).toBe('Succeeded');
    expect(await api.database.prisma.operation.count({ where: { clusterId: cluster.id } })).toBe(1);
  });

  test('rings the bell, and a repetition rings again', async () => {
    const cluster = await api.newReadyCluster(owner);
    const ask = () => post(cluster, 'scale', { servers: 5 }, { 'idempotency-key': cluster.id });
    const { operation } = acceptedOperationSchema.parse((await ask()).body);
    const isRung = async () => (await ask()).status === 202 && (await api.bells()).includes(operation.id);
    await until(isRung, { within: 30_000 });
  });

  test('that is no offer says what is', async () => {
    const answer = await post(await api.newReadyCluster(owner), 'scale', { servers: 4 });
    expect(answer.body.error?.details).toEqual([
      { code: 'UnsupportedServerCount', target: 'servers', message: expect.stringContaining('1, 3 or 5') as string },
    ]);
  });

  test('is one of two that are asked for at once, and the other is told which', async () => {
    const cluster = await api.newReadyCluster(owner);
    const both = await Promise.all([post(cluster, 'scale', { servers: 5 }), post(cluster, 'suspend', {})]);
    const refused = both.find(({ status }) => status === 409);
    const accepted = both.find(({ status }) => status === 202);
    const { operation } = acceptedOperationSchema.parse(accepted?.body);
    expect(refused?.body.error).toMatchObject({ code: 'OperationInProgress', target: operation.id });
    expect(refused?.headers.get('retry-after')).toMatch(/^\d+$/);
  });

  test('sent again with its Idempotency-Key is the same, even when it has ended since', async () => {
    const cluster = await api.newReadyCluster(owner);
    const headers = { 'idempotency-key': randomUUID() };
    const first = await post(cluster, 'scale', { servers: 5 }, headers);
    await api.endOperations(cluster.id);
    const again = await post(cluster, 'scale', { servers: 5 }, headers);
    expect([again.status, again.body]).toEqual([202, first.body]);
    const other = await post(cluster, 'scale', { servers: 1 }, headers);
    expect(codeOf(other)).toEqual([409, 'IdempotencyKeyReused']);
  });

  test('of a cluster that is suspended, was never ready or is of another revision is refused', async () => {
    const suspended = await api.newReadyCluster(owner, { powerState: 'Suspended' });
    const unready = await api.newReadyCluster(owner, { observedConsulVersion: null, provisioningState: 'Failed' });
    for (const action of ['scale', 'resize', 'repair', 'rotations', 'recover-quorum']) {
      const bodies: Record<string, object> = {
        scale: { servers: 5 },
        resize: { vmSize: 'Standard_D4s_v3' },
        repair: {},
        rotations: { what: 'GossipKey' },
        'recover-quorum': { from: 'Survivors' },
      };
      expect([action, ...codeOf(await post(suspended, action, bodies[action]))]).toEqual([action, 409, 'Conflict']);
      expect([action, ...codeOf(await post(unready, action, bodies[action]))]).toEqual([action, 409, 'Conflict']);
    }
    const cluster = await api.newReadyCluster(owner);
    const stale = await post(cluster, 'scale', { servers: 5 }, { 'if-match': '"99"' });
    expect(codeOf(stale)).toEqual([412, 'PreconditionFailed']);
    const { body } = await api.clientOf(owner).call('getCluster', { params: { id: cluster.id } });
    expect((await post(cluster, 'scale', { servers: 5 }, { 'if-match': body.etag })).status).toBe(202);
  });

  test('ends a suspension and says so while it lasts', async () => {
    const cluster = await api.newReadyCluster(owner, { powerState: 'Suspended' });
    expect((await api.clientOf(owner).call('getCluster', { params: { id: cluster.id } })).body.powerState).toBe('Suspended');
    expect(codeOf(await post(cluster, 'suspend', {}))).toEqual([409, 'Conflict']);
    expect((await post(cluster, 'resume', {})).status).toBe(202);
  });
});
