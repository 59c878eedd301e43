import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTestDatabase, parseExposition, testRedisUrl, until } from '@managed-consul/testing';

const ROOT = join(import.meta.dirname, '../../..');

test('the process tells its figures and whether it is ready where operators do not ask, and ends cleanly on SIGTERM', async () => {
  const place = await createTestDatabase();
  const env = {
    TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'),
    DATABASE_URL: place.url,
    REDIS_URL: await testRedisUrl(),
    ADMIN_TENANT_ID: randomUUID(),
    ...{ ADMIN_VIEWERS: randomUUID(), ADMIN_OPERATORS: randomUUID(), ADMIN_LEADS: randomUUID() },
    ADMIN_PORT: '0',
    ADMIN_PUBLIC_URL: 'https://admin.example.com',
  };
  const tsx = createRequire(import.meta.url).resolve('tsx');
  const child = spawn(process.execPath, ['--import', tsx, join(ROOT, 'apps/admin-api/src/main.ts')], { cwd: ROOT, env });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const said = (pattern: RegExp) => until(() => pattern.exec(output.join(''))?.[1], { within: 45_000 });
  const [address, port] = [await said(/"address":"(http:[^"]+)"/), await said(/"internalPort":(\d+)/)];
  expect((await fetch(`${address}/metrics`)).status).not.toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  const figures = parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  expect(figures.types.get('managed_consul_http_request_duration_seconds')).toBe('histogram');
  expect(figures.value('process_resident_memory_bytes', {})).toBeGreaterThan(0);
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
  await place.drop();
});
