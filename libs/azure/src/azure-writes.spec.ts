import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { SecretValue } from '@managed-consul/config';
import { TransientError } from '@managed-consul/errors';
import { openAzureConnection } from './connection';
import { Deployments } from './deployments';
import { ResourceGroups } from './resource-groups';
import { Resources } from './resources';
import { ScaleSets } from './scale-sets';

interface Sent {
  method: string;
  url: string;
  timeout: number;
  abortSignal?: AbortSignal;
}

/** The way to an Azure whose answers are given here, in the last place before a request would be signed and sent. */
function connectionTo(
  answer: (sent: Sent) => Promise<{ status: number; body?: unknown }>,
  more: { onAnswer?: (status: number) => void } = {},
) {
  const connection = openAzureConnection({
    endpoint: 'https://azure.example.com',
    authority: 'https://login.example.com',
    tenantId: 'tenant',
    clientId: 'client',
    clientSecret: new SecretValue('secret'),
    ...more,
  });
  const sendRequest = async (request: Sent) => {
    const { status, body } = await answer(request);
    const { headers } = request as unknown as { headers: Headers };
    headers.set('content-type', 'application/json');
    return { request, status, headers, bodyAsText: body === undefined ? '' : JSON.stringify(body) };
  };
  connection.options.additionalPolicies.push({ policy: { name: 'answer', sendRequest }, position: 'perCall' } as never);
  const token = { token: 'token', expiresOnTimestamp: Date.now() + 3_600_000 };
  connection.credential.getToken = async () => token;
  return connection;
}

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/consul`;

describe('a write', () => {
  const writes: [string, (connection: ReturnType<typeof connectionTo>, signal: AbortSignal) => Promise<void>][] = [
    [
      'of a deployment',
      (to, signal) => new Deployments(to, SUBSCRIPTION).start('consul', 'd', { template: {}, parameters: {} }, signal),
    ],
    ['that forgets a deployment', (to, signal) => new Deployments(to, SUBSCRIPTION).remove('consul', 'd', signal)],
    ['that stops a deployment', (to, signal) => new Deployments(to, SUBSCRIPTION).cancel('consul', 'd', signal)],
    ['of tags', (to, signal) => new ResourceGroups(to, SUBSCRIPTION).addTags(GROUP, { a: 'b' }, signal)],
    [
      'that removes a resource',
      (to, signal) => {
        const resource = { id: `${GROUP}/providers/Microsoft.Network/natGateways/n`, type: 'Microsoft.Network/natGateways' };
        return new Resources(to, SUBSCRIPTION).startRemoval(resource, signal);
      },
    ],
    [
      'that changes a scale set',
      (to, signal) =>
        new ScaleSets(to, SUBSCRIPTION).startChange('consul', 's', { vmSize: 'Standard_D2s_v3', capacity: 2 }, signal),
    ],
    ['that removes a machine', (to, signal) => new ScaleSets(to, SUBSCRIPTION).startRemovingInstance('consul', 's', '1', signal)],
    [
      'that moves a machine',
      (to, signal) => new ScaleSets(to, SUBSCRIPTION).startRedeployingInstance('consul', 's', '1', signal),
    ],
    ['that stops machines', (to, signal) => new ScaleSets(to, SUBSCRIPTION).startDeallocating('consul', 's', signal)],
    ['that starts machines', (to, signal) => new ScaleSets(to, SUBSCRIPTION).startMachines('consul', 's', signal)],
  ];

  test.each(writes)('%s ends with the lease of its worker, and may take half a lease at most', async (_what, write) => {
    const lease = new AbortController();
    let limit = 0;
    const connection = connectionTo(async ({ method, timeout, abortSignal }) => {
      if (method === 'GET') return { status: 200, body: { properties: { provisioningState: 'Running' } } };
      limit = timeout;
      if (!abortSignal) return { status: 500 };
      const aborted = once(abortSignal, 'abort');
      lease.abort(new Error('The lease was lost.'));
      await aborted;
      throw abortSignal.reason;
    });
    await expect(write(connection, lease.signal)).rejects.toBeInstanceOf(TransientError);
    expect(lease.signal.aborted).toBe(true);
    expect(limit).toBe(15_000);
  });
});

describe('a resource of a type that the template does not make', () => {
  const id = `${GROUP}/providers/Contoso.Backup/vaults/items/v/i`;

  async function removed(apiVersions: string[]) {
    const sent: string[] = [];
    const connection = connectionTo(async ({ method, url }) => {
      const { pathname, searchParams } = new URL(url);
      sent.push(`${method} ${pathname.replace('//', '/')} ${method === 'DELETE' ? searchParams.get('api-version') : ''}`.trim());
      if (method === 'DELETE') return { status: 200 };
      const resourceTypes = [
        { resourceType: 'vaults', apiVersions: ['2030-01-01'] },
        { resourceType: 'Vaults/Items', apiVersions },
      ];
      return { status: 200, body: { namespace: 'Contoso.Backup', resourceTypes } };
    });
    const resources = new Resources(connection, SUBSCRIPTION);
    await resources.startRemoval({ id, type: 'Contoso.Backup/vaults/items' });
    await resources.startRemoval({ id, type: 'Contoso.Backup/vaults/items' });
    return sent;
  }

  test('is removed with the newest stable version that its provider names, which is asked for once', async () => {
    expect(await removed(['2023-04-01', '2024-02-01', '2025-01-01-preview', '2021-01-01'])).toEqual([
      `GET /subscriptions/${SUBSCRIPTION}/providers/Contoso.Backup`,
      `DELETE ${id} 2024-02-01`,
      `DELETE ${id} 2024-02-01`,
    ]);
  });

  test('is removed with the newest preview when there is nothing stable', async () => {
    expect(await removed(['2023-04-01-preview', '2024-02-01-preview'])).toContain(`DELETE ${id} 2024-02-01-preview`);
  });

  test('whose provider names no version is tried again later', async () => {
    await expect(removed([])).rejects.toBeInstanceOf(TransientError);
  });
});

test('every answer is told by its status, so that throttling can be counted', async () => {
  const statuses: number[] = [];
  const answers = [{ status: 429 }, { status: 200, body: { properties: { tags: {} } } }];
  const connection = connectionTo(async () => answers.shift() ?? { status: 500 }, {
    onAnswer: (status) => statuses.push(status),
  });
  const groups = new ResourceGroups(connection, SUBSCRIPTION);
  await expect(groups.addTags(GROUP, { a: 'b' })).rejects.toBeInstanceOf(TransientError);
  await groups.addTags(GROUP, { a: 'b' });
  expect(statuses).toEqual([429, 200]);
});
