import { afterEach, expect, test } from 'vitest';
import { InternalListener, type HealthChecks } from './internal-listener';
import { Metrics } from './metrics';

let listener: InternalListener | undefined;
afterEach(() => listener?.close());

async function listening(checks: HealthChecks) {
  listener = new InternalListener(checks, new Metrics());
  const port = await listener.listen('127.0.0.1', 0);
  return async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, body: await answer.text() };
  };
}

const there = async () => true;

test('a process whose parts are all there is healthy and ready', async () => {
  const ask = await listening({ database: there, redis: there });
  expect(await ask('/healthz')).toEqual({ status: 200, body: '{"database":"ok","redis":"ok"}' });
  expect((await ask('/readyz')).status).toBe(200);
});

test.each([
  ['says no', async () => false],
  ['throws', () => Promise.reject(new Error('The connection was refused.'))],
  ['never answers', () => new Promise<boolean>(() => undefined)],
])('a process without its database is neither, and says what is missing: the check %s', async (_, gone) => {
  const ask = await listening({ database: gone, redis: there });
  const missing = { status: 503, body: '{"database":"unreachable","redis":"ok"}' };
  expect(await Promise.all([ask('/healthz'), ask('/readyz')])).toEqual([missing, missing]);
});

test('a process that is told to stop is healthy and not ready', async () => {
  const ask = await listening({ database: there });
  listener?.leave();
  expect((await ask('/healthz')).status).toBe(200);
  expect(await ask('/readyz')).toEqual({ status: 503, body: '{"database":"ok","process":"stopping"}' });
});

test('figures are told whatever is missing; nothing else is', async () => {
  const ask = await listening({ database: async () => false });
  expect((await ask('/metrics')).status).toBe(200);
  expect((await ask('/anything')).status).toBe(404);
});
