import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedInstallationSchema, installationListSchema, installationSchema } from '@managed-consul/api-contract';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const place = (change: Record<string, unknown> = {}) => ({
  subscriptionId: randomUUID(),
  resourceGroup: 'Consul-Here',
  region: 'westeurope',
  ...change,
});
const register = (body: unknown, person = owner) => api.request(person, 'POST', '/v1/installations', { body });

describe('the registration of a resource group', () => {
  test('is accepted with an installation that only its caller sees, not ready before it is proved', async () => {
    const answer = await register(place());
    expect(answer.status).toBe(202);
    const { installation, operation } = acceptedInstallationSchema.parse(answer.body);
    expect(installation).toMatchObject({ kind: 'Direct', state: 'Registering', resourceGroup: 'Consul-Here', plan: 'on-demand' });
    expect(answer.headers.get('operation-location')).toBe(`https://api.example.com/v1/operations/${operation.id}`);
    const read = await api.clientOf(owner).call('getInstallation', { params: { id: installation.id } });
    expect(installationSchema.parse(read.body).id).toBe(installation.id);
    expect((await api.request(owner, 'GET', `/v1/operations/${operation.id}`)).status).toBe(200);
    const stranger = await api.newPerson();
    expect((await api.request(stranger, 'GET', `/v1/installations/${installation.id}`)).status).toBe(404);
    const { input } = (await api.database.prisma.operation.findUnique({ where: { id: operation.id } })) ?? {};
    const { tenantId, objectId } = owner;
    expect(input).toEqual({ from: 'request', installationId: installation.id, owner: { tenantId, objectId } });
  });

  test('of a group that is registered is a conflict, whatever the case of its name', async () => {
    const body = place();
    await register(body);
    const again = await register({ ...body, resourceGroup: 'CONSUL-HERE', subscriptionId: body.subscriptionId.toUpperCase() });
    expect([again.status, again.body.error?.code]).toEqual([409, 'Conflict']);
    const racers = place();
    const answers = await Promise.all([register(racers), register({ ...racers, resourceGroup: 'consul-here' })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
  });

  test('that failed keeps nobody else out of the group', async () => {
    const body = place();
    const squatter = await api.newPerson();
    const { installation, operation } = acceptedInstallationSchema.parse((await register(body, squatter)).body);
    await api.database.prisma.operation.update({ where: { id: operation.id }, data: { state: 'Failed' } });
    await api.database.prisma.installation.update({ where: { id: installation.id }, data: { state: 'Failed' } });
    expect((await register(body)).status).toBe(202);
    expect((await api.request(squatter, 'GET', `/v1/installations/${installation.id}`)).status).toBe(404);
  });

  test('tells every problem', async () => {
    const shape = await register({ subscriptionId: 'x', resourceGroup: 'ends with.', region: '', extra: 1 });
    expect(shape.body.error?.details?.map(({ target }) => target).sort()).toEqual([
      'extra',
      'region',
      'resourceGroup',
      'subscriptionId',
    ]);
    const rules = await register(place({ region: 'atlantis', plan: 'free' }));
    expect(rules.body.error?.details?.map(({ code }) => code)).toEqual(['UnknownRegion', 'UnknownPlan']);
  });
});

test('installations are listed page by page for those who have a role', async () => {
  const person = await api.newPerson();
  for (const _ of [1, 2, 3]) await api.newInstallation(person, 'Reader');
  const first = installationListSchema.parse(
    (await api.clientOf(person).call('listInstallations', { query: { pageSize: 2 } })).body,
  );
  const query = { pageSize: 2, pageToken: first.nextPageToken ?? '' };
  const second = installationListSchema.parse((await api.clientOf(person).call('listInstallations', { query })).body);
  expect(new Set([...first.value, ...second.value].map(({ id }) => id)).size).toBe(3);
});
