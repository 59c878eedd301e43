import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';

const GROUPS = `/subscriptions/${sample.subscriptionId}/resourceGroups`;

describe('/_emulator', () => {
  let emulator: TestEmulator;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [] });
  });

  afterAll(() => emulator.dispose());

  const control = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${emulator.endpoint}/_emulator${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
  };

  it('says that it is ready', async () => {
    expect(await control('GET', '/healthz')).toEqual({ status: 200, body: { status: 'ready' } });
  });

  it('answers as a switch says, as often as it says, and only where it fits', async () => {
    const effect = { kind: 'answer', status: 429, code: 'TooManyRequests', retryAfterSeconds: 7 };
    expect((await control('POST', '/faults', { method: 'put', path: '/resourcegroups/faulty$', count: 1, effect })).status).toBe(
      201,
    );
    expect((await emulator.call('GET', `${GROUPS}/sample`)).status).toBe(200);
    const hit = await emulator.call('PUT', `${GROUPS}/faulty`, { body: { location: 'westeurope' } });
    expect(hit.status).toBe(429);
    expect(hit.headers.get('retry-after')).toBe('7');
    expect(hit.body.error?.code).toBe('TooManyRequests');
    expect((await emulator.call('PUT', `${GROUPS}/faulty`, { body: { location: 'westeurope' } })).status).toBe(201);
  });

  it('hits every call once, and names those that it hit', async () => {
    const effect = { kind: 'answer', status: 503 };
    const { body } = await control('POST', '/faults', { path: 'resourcegroups/(sample|other)$', oncePerCall: true, effect });
    const statuses = [];
    for (const [method, name] of [
      ['GET', 'sample'],
      ['GET', 'sample'],
      ['HEAD', 'sample'],
      ['GET', 'other'],
      ['GET', 'other'],
    ] as const) {
      statuses.push((await emulator.call(method, `${GROUPS}/${name}`)).status);
    }
    expect(statuses).toEqual([503, 200, 503, 503, 404]);
    const calls = [`GET ${GROUPS}/sample`, `HEAD ${GROUPS}/sample`, `GET ${GROUPS}/other`];
    expect((await control('GET', '/faults')).body['value']).toMatchObject([{ id: body['id'], hits: 3, calls }]);
    await control('DELETE', `/faults/${String(body['id'])}`);
  });

  it('loses a response after the effect', async () => {
    await control('POST', '/faults', { method: 'PUT', path: 'lost', count: 1, effect: { kind: 'lostResponse' } });
    await expect(emulator.call('PUT', `${GROUPS}/lost`, { body: { location: 'westeurope' } })).rejects.toThrow();
    expect((await emulator.call('GET', `${GROUPS}/lost`)).status).toBe(200);
  });

  it('makes a call slow', async () => {
    await control('POST', '/faults', { path: 'resourcegroups/sample', count: 1, effect: { kind: 'slow', milliseconds: 300 } });
    const before = performance.now();
    await emulator.call('GET', `${GROUPS}/sample`);
    expect(performance.now() - before).toBeGreaterThanOrEqual(299);
  });

  it('lists and removes switches, and refuses one that makes no sense', async () => {
    const added = await control('POST', '/faults', { effect: { kind: 'answer', status: 500 } });
    expect((await control('GET', '/faults')).body['value']).toHaveLength(1);
    expect((await control('DELETE', `/faults/${String(added.body['id'])}`)).status).toBe(204);
    expect((await control('DELETE', `/faults/${String(added.body['id'])}`)).status).toBe(404);
    expect((await control('POST', '/faults', { path: '(', effect: { kind: 'slow', milliseconds: 1 } })).status).toBe(400);
    expect((await control('POST', '/faults', { effect: { kind: 'explode' } })).status).toBe(400);
  });

  it('moves time, and keeps it moved over a restart', async () => {
    const before = Date.now();
    await control('POST', '/clock', { advanceSeconds: 86_400 });
    emulator = await emulator.restart();
    const { body } = await control('GET', '/clock');
    expect(Date.parse(String(body['now'])) - before).toBeGreaterThanOrEqual(86_400_000);
    await control('POST', '/clock', { set: '2030-01-01T00:00:00Z' });
    expect(String((await control('GET', '/clock')).body['now'])).toMatch(/^2030-01-01T00:00/);
    expect((await control('POST', '/clock', { set: 'tomorrow' })).status).toBe(400);
    await control('POST', '/clock', { set: new Date().toISOString() });
  });

  it('has no other address', async () => {
    expect((await control('GET', '/secrets')).status).toBe(404);
  });
});
