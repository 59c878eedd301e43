import { randomUUID } from 'node:crypto';
import { clusterNames } from '@managed-consul/azure';
import type { ClusterBody } from '@managed-consul/api-contract';
import { minutes } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { signIn, type Customer } from '../support/customer';
import { loseMachine } from '../support/lost-machine';
import { killConsul, machineProcesses } from '../support/process-killer';
import { publishersAzure } from '../support/publishers-azure';
import { alterSecurityRules, readSecurityRules, type SecurityGroup } from '../support/security-rules';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

const PATIENCE = minutes(4);

let status: ServiceStatus;
let customer: Customer;
let place: { subscriptionId: string; resourceGroup: string };

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  const params = { id: customer.identity.installationId };
  const { subscriptionId, resourceGroup } = (await customer.api.call('getInstallation', { params })).body;
  place = { subscriptionId, resourceGroup };
});

const readCluster = async (id: string): Promise<ClusterBody> => (await customer.api.call('getCluster', { params: { id } })).body;

async function isWell(id: string): Promise<boolean> {
  const { conditions, observed } = await readCluster(id);
  const said = conditions.map(({ type, reason }) => `${type} ${reason}`);
  const well = ['Available LeaderElected', 'Degraded AllServersHealthy', 'AgentsConnected AllConnected'];
  return observed.servers.length === 3 && well.every((one) => said.includes(one));
}

/** Waits until what was broken is whole, and prints how long that took. */
async function timeToRepair(what: string, isWhole: () => Promise<boolean>): Promise<void> {
  const since = performance.now();
  await until(isWhole, { within: PATIENCE, because: `${what} is repaired` });
  console.log(`self-repair, running service: ${what}: ${((performance.now() - since) / 1000).toFixed(1)} s`);
}

async function killServerProcess(address: string): Promise<void> {
  const { endpoint } = status.azure;
  const running = () => machineProcesses(endpoint, address, 'config/server.json');
  const before = await running();
  expect(before).not.toEqual([]);
  await killConsul(endpoint, address);
  await timeToRepair('a killed server process', async () => (await running()).some((pid) => !before.includes(pid)));
}

/** Unasked operations of the cluster: what they were, and how they ended. */
async function repairsOf(id: string): Promise<string[]> {
  const { value } = (await customer.api.call('listClusterOperations', { params: { id } })).body;
  return value
    .filter(({ kind }) => kind === 'repair-cluster')
    .map(({ requestedBy, status: ended }) => `${requestedBy.replace(/\/.*/, '')} ${ended}`);
}

/** The same once none of them goes on; nothing before. */
async function endedRepairs(id: string): Promise<string[] | undefined> {
  const repairs = await repairsOf(id);
  return repairs.some((repair) => /(Pending|Running)$/.test(repair)) ? undefined : repairs;
}

describe('a cluster of the running service', () => {
  it('gets back a server process, a machine and security rules without anyone asking', { timeout: minutes(10) }, async () => {
    const name = `repaired-${randomUUID().slice(0, 6)}`;
    const { id, observed } = await customer.createCluster({ name, servers: 3, networkCidr: '10.46.0.0/24' });
    const [killed, lost] = observed.servers;
    if (!killed || !lost) throw new Error(`${name} has too few servers.`);
    const securityGroup: SecurityGroup = {
      network: publishersAzure(status, place.subscriptionId).network,
      ...{ group: place.resourceGroup, name: clusterNames(id).securityGroup },
    };
    await until(() => isWell(id), { within: PATIENCE, because: 'the service has seen that the new cluster is well' });

    await killServerProcess(killed.address);
    const rulesBefore = await readSecurityRules(securityGroup);
    await Promise.all([alterSecurityRules(securityGroup), loseMachine(status, { ...place, clusterId: id }, lost.name)]);
    await Promise.all([
      timeToRepair('altered security rules', async () => {
        const rules = await readSecurityRules(securityGroup);
        return !('open' in rules) && rules['allow-https'] === 'Allow';
      }),
      timeToRepair('a deleted machine', async () => {
        const servers = (await readCluster(id)).observed.servers.map((server) => server.name);
        return servers.length === 3 && !servers.includes(lost.name) && (await isWell(id));
      }),
    ]);
    expect(await readSecurityRules(securityGroup)).toEqual(rulesBefore);
    // A cluster can be seen whole a moment before the repair has taken its last steps.
    const repairs = await until(() => endedRepairs(id), {
      within: PATIENCE,
      because: 'every repair has ended',
    });
    expect(repairs.length).toBeGreaterThan(0);
    expect(new Set(repairs)).toEqual(new Set(['schedule Succeeded']));
    await customer.deleteCluster(id);
  });
});
