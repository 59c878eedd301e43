import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, parseExposition, testRedisUrl, until, type TestDatabase } from '@managed-consul/testing';

const ROOT = join(import.meta.dirname, '../../..');
const TSX = createRequire(import.meta.url).resolve('tsx');

let place: TestDatabase;
let folder: string;

beforeAll(async () => {
  place = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'api-main-'));
  await writeFile(join(folder, 'key'), randomBytes(32).toString('base64'), { mode: 0o600 });
});
afterAll(async () => {
  await place.drop();
  await rm(folder, { recursive: true });
});

function start(environment: Record<string, string>) {
  const env = { TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'), ...environment };
  const child = spawn(process.execPath, ['--import', TSX, join(ROOT, 'apps/api/src/main.ts')], { cwd: ROOT, env });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  return { child, output };
}

test('the process serves with its settings and ends cleanly on SIGTERM', async () => {
  const { child, output } = start({
    DATABASE_URL: place.url,
    REDIS_URL: await testRedisUrl(),
    KEY_ENCRYPTION_KEY_FILE: join(folder, 'key'),
    API_PORT: '0',
    API_PUBLIC_URL: 'https://api.example.com',
    NOTIFICATION_SECRET: 'sig-of-the-notifications',
  });
  const address = await until(() => /"address":"(http:[^"]+)"/.exec(output.join(''))?.[1], { within: 45_000 });
  expect(await (await fetch(`${address}/healthz`)).json()).toEqual({ status: 'ok' });
  const internal = `http://127.0.0.1:${/"internalPort":(\d+)/.exec(output.join(''))?.[1]}`;
  expect((await fetch(`${internal}/readyz`)).status).toBe(200);
  expect((await fetch(`${address}/metrics`)).status).toBe(404);
  const figures = parseExposition(await (await fetch(`${internal}/metrics`)).text());
  const requests = 'managed_consul_http_request_duration_seconds_count';
  expect(figures.value(requests, { method: 'GET', route: '/healthz', status: '200' })).toBe(1);
  expect(figures.value(requests, { method: 'any', route: 'none', status: '404' })).toBe(1);
  expect(figures.value('process_resident_memory_bytes', {})).toBeGreaterThan(0);
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect(output.join('')).not.toContain('sig-of-the-notifications');
});

test('without its settings it names all that are missing and stops', async () => {
  const { child, output } = start({ API_PORT: 'eighty' });
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).not.toBe(0);
  const said = output.join('');
  for (const name of [
    'DATABASE_URL',
    'REDIS_URL',
    'KEY_ENCRYPTION_KEY_FILE',
    'API_PUBLIC_URL',
    'NOTIFICATION_SECRET',
    'API_PORT',
  ]) {
    expect(said).toContain(name);
  }
});
