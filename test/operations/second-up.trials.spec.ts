import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { foldersOf } from '../../infra/local/folders';
import { findFreePlace } from '../../tools/test-servers/free-place';
import { runCommand, tryCommand } from '../../tools/processes/run-command';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';
import { askConsul } from '../support/consul-https';
import { signIn } from '../support/customer';
import { serviceStatusOf, type ServiceStatus } from '../support/service-status';

const ROOT = resolve(import.meta.dirname, '../..');

let stateFolder: string;
let environment: NodeJS.ProcessEnv;

const hcs = (...args: string[]) => runCommand('./hcs', args, { cwd: ROOT, env: environment });

beforeAll(async () => {
  stateFolder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-second-up-'));
  chmodSync(stateFolder, 0o755);
  environment = { ...process.env, ...(await findFreePlace(stateFolder)), HCS_GATEWAYS: '1' };
});
afterAll(async () => {
  await tryCommand('./hcs', ['down'], { cwd: ROOT, env: environment });
  rmSync(foldersOf(stateFolder).runtime, { recursive: true, force: true });
  rmSync(stateFolder, { recursive: true, force: true });
});

async function upAndLook(): Promise<{ status: ServiceStatus; leaders: string[]; addresses: string[] }> {
  await hcs('up', '--detach');
  const status = await serviceStatusOf(environment);
  if (!status.cluster) throw new Error('./hcs up has not made the sample cluster');
  const customer = signIn(status, status.samples.customer);
  const { body: cluster } = await customer.api.call('getCluster', { params: { id: status.cluster.id } });
  expect(cluster.provisioningState).toBe('Succeeded');
  const addresses = cluster.observed.servers.map(({ address }) => address).sort();
  const ca = readFileSync(join(stateFolder, cluster.name, 'ca.pem'), 'utf8');
  const target = (address: string) => ({ address, datacenter: cluster.datacenter, ca });
  const answers = await Promise.all(addresses.map((address) => askConsul(target(address), 'GET', '/v1/status/leader')));
  return { status, addresses, leaders: answers.map(({ body }) => JSON.parse(body) as string) };
}

it('a second up finds the cluster of the first, with the same servers answering', { timeout: 300_000 }, async () => {
  const first = await upAndLook();
  await hcs('down');
  const second = await upAndLook();
  expect(second.status.cluster?.id).toBe(first.status.cluster?.id);
  expect(second.addresses).toEqual(first.addresses);
  expect(second.addresses).toHaveLength(3);
  // One leader, known to all.
  expect(new Set(second.leaders).size).toBe(1);
  expect(second.addresses.map((address) => `${address}:8300`)).toContain(second.leaders[0]);
});
