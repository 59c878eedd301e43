import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findConsulBinary } from '../../../tools/consul-binary/consul-binary';
import { askConsulForJson } from './consul-request';
import { withThrowAwayConsul } from './throw-away-consul';

const signal = new AbortController().signal;

/** A program that fails as often as told, as Consul does when another took its port, and is Consul from then on. */
async function failingConsul(failures: number) {
  const folder = await mkdtemp(join(tmpdir(), 'throw-away-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { path: consul, sha256, version } = await findConsulBinary();
  const path = join(folder, 'program');
  const starts = join(folder, 'starts');
  await writeFile(
    path,
    `#!/bin/sh\necho x >> ${starts}\n[ $(wc -l < ${starts}) -gt ${failures} ] || { echo '[ERROR] agent: address already in use'; exit 1; }\nexec ${consul} "$@"\n`,
  );
  await chmod(path, 0o755);
  return { folder, binary: { path, sha256, version }, datacenter: 'dc1' };
}

const readLeader = (options: Awaited<ReturnType<typeof failingConsul>>) =>
  withThrowAwayConsul(options, async ({ address, becomesReady }) => {
    await becomesReady(signal);
    return askConsulForJson({ address, path: '/v1/status/leader', signal });
  });

test('a server whose ports were taken by another program is replaced by one with other ports', async () => {
  expect(await readLeader(await failingConsul(2))).toMatch(/^127\.0\.0\.1:\d+$/);
});

test('a server that never comes up ends in the words of its log', async () => {
  await expect(readLeader(await failingConsul(9))).rejects.toMatchObject({
    code: 'ConsulDidNotStart',
    message: expect.stringContaining('address already in use') as string,
  });
});
