import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sample, startTestEmulator, type Answer, type TestEmulator } from '../../emulator.builder';
import { ArmError } from '../arm-error';
import { type ResourceProviderFactory } from '../resource-provider';

const GROUP = `/subscriptions/${sample.subscriptionId}/resourceGroups/sample`;

/**
 * A service for these tests only. Of a machine's properties `failWith` fails its making, `holds` names what may not go before
 * it, and `gate` is a gate that the making waits at until the test opens it.
 */
function machineService() {
  const gates = new Map<string, PromiseWithResolvers<unknown>>();
  const gate = (name: string): PromiseWithResolvers<unknown> => {
    const known = gates.get(name) ?? Promise.withResolvers<unknown>();
    gates.set(name, known);
    return known;
  };
  const began: string[] = [];
  const deleted: string[] = [];
  const factory: ResourceProviderFactory = ({ resources }) => ({
    namespace: 'Test.Machines',
    types: [
      {
        namespace: 'Test.Machines',
        type: 'machines',
        apiVersions: ['2026-01-01'],
        longRunning: true,
        draft: ({ body, existing }) => ({
          properties: { ...body.properties, secret: undefined },
          hidden: { secret: body.properties['secret'] ?? existing?.hidden['secret'] },
        }),
        async provision(work) {
          const { resource, signal } = work;
          began.push(resource.name);
          const { gate: gateName, failWith } = resource.properties;
          if (typeof gateName === 'string') {
            const aborted = new Promise<never>((_, reject) =>
              signal.addEventListener('abort', () => reject(signal.reason as Error)),
            );
            await Promise.race([gate(gateName).promise, aborted]);
          }
          if (typeof failWith === 'string') throw new ArmError(409, failWith, 'It was asked to fail.');
          await work.update({ properties: { made: true } });
        },
        beforeDelete(resource) {
          const holder = resources
            .listByType('Test.Machines/machines', GROUP.replace('/sample', ''))
            .find(({ properties }) => properties['holds'] === resource.name);
          if (holder) throw new ArmError(409, 'InUse', `${resource.name} is held by ${holder.name}.`);
        },
        onDeleted: ({ name }) => {
          deleted.push(name);
        },
        actions: {
          start: { kind: 'longRunning', perform: ({ resource }) => Promise.resolve({ started: resource.name }) },
          listSecrets: {
            kind: 'immediate',
            run: ({ resource }) => ({ status: 200, body: { secret: resource?.hidden['secret'] } }),
          },
        },
        views: { instanceView: ({ name }) => ({ statuses: [name] }) },
      },
      { namespace: 'Test.Machines', type: 'machines/disks', apiVersions: ['2026-01-01'] },
    ],
  });
  return { factory, gate, began, deleted };
}

describe('the resource pipeline', () => {
  const service = machineService();
  let emulator: TestEmulator;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [service.factory] });
  });

  afterAll(() => emulator.dispose());

  const id = (name: string) => `${GROUP}/providers/Test.Machines/machines/${name}`;
  const put = (name: string, properties: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
    emulator.call('PUT', id(name), { body: { location: 'westeurope', properties, ...more } });
  const pathOf = (answer: Answer, header: string) => new URL(answer.headers.get(header) ?? '').pathname;
  const poll = (answer: Answer, header = 'azure-asyncoperation') => emulator.call('GET', pathOf(answer, header));
  const ended = (answer: Answer) =>
    vi.waitUntil(async () => {
      const { body } = await poll(answer);
      return body['status'] === 'InProgress' ? undefined : body;
    });
  const state = async (name: string) =>
    ((await emulator.call('GET', id(name))).body['properties'] as { provisioningState: string }).provisioningState;

  describe('long operations', () => {
    it('answers 201 with an address to poll, and Succeeded when the work is done', async () => {
      const accepted = await put('long-one', { gate: 'one' });
      expect(accepted.status).toBe(201);
      expect(accepted.body).toMatchObject({ properties: { provisioningState: 'Creating' } });
      expect(accepted.headers.get('retry-after')).toBe('1');
      expect((await poll(accepted)).body).toMatchObject({ status: 'InProgress' });
      service.gate('one').resolve('open');
      expect(await ended(accepted)).toMatchObject({ status: 'Succeeded' });
      expect((await emulator.call('GET', id('long-one'))).body).toMatchObject({
        properties: { provisioningState: 'Succeeded', made: true },
      });
    });

    it('shows why a making failed, in the operation and in the state', async () => {
      const accepted = await put('long-two', { failWith: 'QuotaExceeded' });
      expect(await ended(accepted)).toMatchObject({
        status: 'Failed',
        error: { code: 'QuotaExceeded', message: 'It was asked to fail.' },
      });
      expect(await state('long-two')).toBe('Failed');
    });

    it('refuses a second change while one runs', async () => {
      const accepted = await put('long-three', { gate: 'three' });
      expect((await put('long-three')).body.error?.code).toBe('AnotherOperationInProgress');
      service.gate('three').resolve('open');
      await ended(accepted);
      expect((await put('long-three')).status).toBe(200);
    });

    it('lets a deletion overtake an unfinished making', async () => {
      const making = await put('long-four', { gate: 'never-opened' });
      const deletion = await emulator.call('DELETE', id('long-four'));
      expect(deletion.status).toBe(202);
      expect(await ended(making)).toMatchObject({ status: 'Canceled' });
      expect(await ended(deletion)).toMatchObject({ status: 'Succeeded' });
      expect((await emulator.call('GET', id('long-four'))).body.error?.code).toBe('ResourceNotFound');
      expect((await poll(deletion, 'location')).status).toBe(204);
      expect((await emulator.call('DELETE', id('long-four'))).status).toBe(204);
    });

    it('goes on after a restart with what was unfinished, and finds everything else', async () => {
      const accepted = await put('long-five', { gate: 'five' });
      await vi.waitUntil(() => service.began.includes('long-five'));
      emulator = await emulator.restart();
      expect(await state('long-five')).toBe('Creating');
      service.gate('five').resolve('open');
      expect(await ended(accepted)).toMatchObject({ status: 'Succeeded' });
      expect(service.began.filter((name) => name === 'long-five')).toHaveLength(2);
    });

    it('keeps an operation unfinished as long as a switch holds it', async () => {
      const fault = emulator.faults.add({ path: 'long-six', effect: { kind: 'stuckOperation' } });
      const accepted = await put('long-six');
      expect((await poll(accepted)).body).toMatchObject({ status: 'InProgress' });
      expect(service.began).not.toContain('long-six');
      emulator.faults.remove(fault.id);
      expect(await ended(accepted)).toMatchObject({ status: 'Succeeded' });
    });

    it('shows an operation only to who started it or may read the resource', async () => {
      const accepted = await put('long-seven');
      const path = pathOf(accepted, 'azure-asyncoperation');
      expect((await emulator.call('GET', path, { as: { principal: sample.reader, tenantId: sample.tenantId } })).status).toBe(
        200,
      );
      const other = path.replace(sample.subscriptionId, sample.otherSubscriptionId);
      const asStranger = { principal: sample.stranger, tenantId: sample.otherTenantId };
      expect((await emulator.call('GET', other, { as: asStranger })).body.error?.code).toBe('OperationNotFound');
      await ended(accepted);
    });

    it('runs a long action and gives its result where Location says', async () => {
      await ended(await put('long-eight'));
      const accepted = await emulator.call('POST', `${id('long-eight')}/START`);
      expect(accepted.status).toBe(202);
      await ended(accepted);
      expect(await poll(accepted, 'location')).toMatchObject({ status: 200, body: { started: 'long-eight' } });
    });
  });

  describe('resources', () => {
    it('compares ids without case and keeps the first spelling', async () => {
      await ended(await put('Cased'));
      const found = await emulator.call('GET', id('cased').toUpperCase().replace('/SUBSCRIPTIONS/', '/Subscriptions/'));
      expect(found.body).toMatchObject({ name: 'Cased', id: id('Cased') });
    });

    it('reads an id that is percent-encoded or has slashes to spare', async () => {
      await ended(await put('encoded'));
      const encoded = `/${encodeURIComponent(GROUP)}/providers/Test.Machines/machines/encoded`;
      expect((await emulator.call('GET', encoded)).body['name']).toBe('encoded');
      expect((await emulator.call('GET', `/${id('encoded')}`)).body['name']).toBe('encoded');
    });

    it('never shows what a type keeps hidden', async () => {
      await ended(await put('hidden', { secret: 'keep-me' }));
      const shown = await emulator.call('GET', id('hidden'));
      expect(JSON.stringify(shown.body)).not.toContain('keep-me');
      expect((await emulator.call('POST', `${id('hidden')}/listSecrets`)).body).toEqual({ secret: 'keep-me' });
    });

    it('replaces tags with PATCH and merges properties', async () => {
      await ended(await put('patched', { size: 1, colour: 'red' }, { tags: { a: '1' } }));
      const patched = await emulator.call('PATCH', id('patched'), {
        body: { tags: { b: '2' }, properties: { colour: null, size: 2 } },
      });
      expect(patched.status).toBe(202);
      await ended(patched);
      const { tags, properties } = (await emulator.call('GET', id('patched'))).body as { tags: object; properties: object };
      expect(tags).toEqual({ b: '2' });
      expect(properties).toMatchObject({ size: 2 });
      expect(properties).not.toHaveProperty('colour');
    });

    it('holds conditions on the ETag', async () => {
      await ended(await put('conditional'));
      const current = (await emulator.call('GET', id('conditional'))).headers.get('etag') ?? '';
      const change = (headers: Record<string, string>, name = 'conditional') =>
        emulator.call('PUT', id(name), { headers, body: { location: 'westeurope' } });
      expect((await change({ 'if-match': '"other"' })).status).toBe(412);
      expect((await change({ 'if-none-match': '*' })).status).toBe(412);
      expect((await change({ 'if-match': '*' }, 'conditional-none')).status).toBe(412);
      expect((await change({ 'if-match': current })).status).toBe(200);
    });

    it('deletes children with their parent and refuses a child without one', async () => {
      await ended(await put('parent'));
      const disk = `${id('parent')}/disks/one`;
      expect((await emulator.call('PUT', disk, { body: { properties: {} } })).status).toBe(201);
      expect((await emulator.call('GET', `${id('parent')}/disks`)).body['value']).toMatchObject([{ name: 'one' }]);
      await ended(await emulator.call('DELETE', id('parent')));
      expect((await emulator.call('PUT', disk, { body: {} })).body.error?.code).toBe('ParentResourceNotFound');
    });

    it('lets nothing into a group or a parent that is being deleted', async () => {
      const group = GROUP.replace(/sample$/, 'leaving');
      await emulator.call('PUT', group, { body: { location: 'westeurope' } });
      await ended(await put('leaving'));
      const fault = emulator.faults.add({ path: '/leaving$', effect: { kind: 'stuckOperation' } });
      const deletions = [await emulator.call('DELETE', group), await emulator.call('DELETE', id('leaving'))];
      const late = `${group}/providers/Test.Machines/machines/late`;
      expect((await emulator.call('PUT', late, { body: { location: 'westeurope' } })).body.error?.code).toBe(
        'ResourceGroupBeingDeleted',
      );
      expect((await emulator.call('PUT', `${id('leaving')}/disks/late`, { body: {} })).body.error?.code).toBe(
        'AnotherOperationInProgress',
      );
      emulator.faults.remove(fault.id);
      for (const deletion of deletions) expect(await ended(deletion)).toMatchObject({ status: 'Succeeded' });
    });

    it('empties a group in whatever order its resources allow', async () => {
      const group = GROUP.replace(/sample$/, 'emptied');
      await emulator.call('PUT', group, { body: { location: 'westeurope' } });
      const inGroup = (name: string) => `${group}/providers/Test.Machines/machines/${name}`;
      await ended(await emulator.call('PUT', inGroup('aa-held'), { body: { location: 'westeurope', properties: {} } }));
      await ended(
        await emulator.call('PUT', inGroup('bb-holder'), { body: { location: 'westeurope', properties: { holds: 'aa-held' } } }),
      );
      expect((await emulator.call('DELETE', inGroup('aa-held'))).body.error?.code).toBe('InUse');
      await ended(await emulator.call('DELETE', group));
      expect(service.deleted.slice(-2)).toEqual(['bb-holder', 'aa-held']);
      expect((await emulator.call('HEAD', group)).status).toBe(404);
    });

    it.each([
      ['no location', { location: undefined }, 400, 'LocationRequired'],
      ['a region of nowhere', { location: 'mars' }, 400, 'LocationNotAvailableForResourceType'],
      ['tags that are no strings', { tags: { a: 1 } }, 400, 'InvalidRequestContent'],
      [
        'too many tags',
        { tags: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`tag${at}`, ''])) },
        400,
        'InvalidTags',
      ],
      ['properties that are no object', { properties: [] }, 400, 'InvalidRequestContent'],
    ])('refuses %s', async (_what, more, status, code) => {
      const refused = await put('bad', {}, more);
      expect(refused.status).toBe(status);
      expect(refused.body.error?.code).toBe(code);
    });

    it.each([
      ['GET', id('nothing'), 404, 'ResourceNotFound'],
      ['PATCH', id('nothing'), 404, 'ResourceNotFound'],
      ['GET', id('nothing').replace('/sample/', '/no-group/'), 404, 'ResourceGroupNotFound'],
      ['PUT', id('nothing').replace('/sample/', '/no-group/'), 404, 'ResourceGroupNotFound'],
      ['DELETE', GROUP.replace(/sample$/, 'no-group'), 404, 'ResourceGroupNotFound'],
      ['GET', `${GROUP}/providers/Test.Machines/engines/one`, 404, 'InvalidResourceType'],
      ['GET', `${GROUP}/providers/Test.Nothing/machines/one`, 404, 'InvalidResourceNamespace'],
      ['POST', `${id('Cased')}/explode`, 404, 'InvalidResourceType'],
      ['GET', '/nowhere', 404, 'NotFound'],
    ])('answers %s %s with ARM’s own code', async (method, path, status, code) => {
      const refused = await emulator.call(
        method,
        path,
        method === 'PUT' || method === 'PATCH' ? { body: { location: 'westeurope' } } : {},
      );
      expect(refused.status).toBe(status);
      expect(refused.body.error?.code).toBe(code);
    });

    it('refuses a body that is not JSON, of another type, or too large', async () => {
      const send = (body: string, headers: Record<string, string> = {}) =>
        emulator.call('PUT', id('bad-body'), { body, headers });
      expect((await send('{"location":')).body.error?.code).toBe('InvalidRequestContent');
      expect((await send('[]')).body.error?.code).toBe('InvalidRequestContent');
      expect((await send('location=x', { 'content-type': 'text/plain' })).status).toBe(415);
      expect((await send(JSON.stringify({ location: 'x'.repeat(5 * 1024 * 1024) }))).status).toBe(413);
    });

    it('does not move a resource and does not let a body set its state', async () => {
      await ended(await put('placed'));
      const moved = await put('placed', {}, { location: 'northeurope' });
      expect(moved).toMatchObject({ status: 409, body: { error: { code: 'InvalidResourceLocation' } } });
      expect((await put('placed', { provisioningState: 'Failed' })).status).toBe(400);
      expect((await put('placed', { provisioningState: 'Succeeded' })).status).toBe(200);
    });

    it('carries the ids that a support case asks for, and echoes the client’s own', async () => {
      const headers = {
        'x-ms-client-request-id': 'mine',
        'x-ms-return-client-request-id': 'true',
        'x-ms-correlation-request-id': 'case-7',
      };
      const answer = await emulator.call('GET', GROUP, { headers });
      expect(answer.headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.headers.get('x-ms-routing-request-id')).toBeTruthy();
      expect(answer.headers.get('x-ms-correlation-request-id')).toBe('case-7');
      expect(answer.headers.get('x-ms-client-request-id')).toBe('mine');
    });

    it('answers a view of a resource', async () => {
      expect((await emulator.call('GET', `${id('Cased')}/instanceView`)).body).toEqual({ statuses: ['Cased'] });
    });
  });
});
