import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '@managed-consul/api-contract';
import { openDatabase } from '@managed-consul/database';
import { until } from '@managed-consul/testing';
import { foldersOf } from '../../infra/local/folders';
import { signIn, type Customer } from '../support/customer';
import { followCluster, untilEnded, type FollowedCluster } from '../support/followed-cluster';
import { lifecycleLanes, type Act, type Lane } from '../support/lifecycle-lanes';
import { killAgent, killConsul, killProcess, patiently, VICTIMS } from '../support/process-killer';
import { offerRelabelledConsul } from '../support/relabelled-consul';
import { seededRandom } from '../support/seeded-random';
import { observeServers, type ServerObserver } from '../support/server-observer';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

/** How often each operation is gone through with a process killed in it. */
const RUNS = Number(process.env['TEST_KILL_RUNS'] ?? '1');
/** Names of lanes, with commas between: to look for what only some of them show. All, if none is named. */
const ONLY = process.env['TEST_KILL_LANES']?.split(',');
/** The service's own repair of a cluster may be in the way of what is asked for. */
const ACCEPTED_WITHIN_MILLISECONDS = 600_000;
const VERSIONS = ['1.8.8', '1.8.9'];
const KILLED = [...VICTIMS, 'agent', 'consul'] as const;

let status: ServiceStatus;
let customer: Customer;
let resourceGroup: string;
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 1e9));

/** A lane on its way: its cluster, what watches it, and its own random numbers, which no other lane uses up. */
interface Run {
  lane: Lane;
  cluster: FollowedCluster;
  observer: ServerObserver | undefined;
  random: () => number;
}

/** Kills a process of the service, or one on a server of the cluster, at a random moment of an act. */
function killDuring(act: Act, { cluster, observer, random }: Run): { what: string; done: Promise<void> } {
  const moment = Math.floor(random() * act.takes);
  const victim = KILLED[Math.floor(random() * KILLED.length)] ?? 'worker';
  const choice = random();
  const kill = async (): Promise<void> => {
    const servers = cluster.servers();
    const { address } = servers[Math.floor(choice * servers.length)] ?? { address: '' };
    if (victim === 'consul') observer?.excuse(address);
    if (victim === 'consul') return killConsul(status.azure.endpoint, address);
    if (victim === 'agent') return killAgent(status.azure.endpoint, address);
    return killProcess(victim);
  };
  const done = new Promise<void>((resolve, reject) => setTimeout(() => void kill().then(resolve, reject), moment));
  return { what: `${victim} after ${moment} ms`, done };
}

/** Asks for an act. The service may be repairing the cluster of its own accord: then it is asked again afterwards. */
async function ask(act: Act, cluster: FollowedCluster): Promise<string> {
  const accepted = await until(
    async () => {
      const headers = { 'idempotency-key': randomUUID() };
      try {
        return (await patiently(() => act.request(cluster, headers))).body.operation.id;
      } catch (error) {
        if (error instanceof ApiError && error.code === 'OperationInProgress') return undefined;
        return { refused: error };
      }
    },
    { within: ACCEPTED_WITHIN_MILLISECONDS, because: `${act.name} is accepted` },
  );
  if (typeof accepted === 'string') return accepted;
  throw accepted.refused;
}

/** Goes through one act with a kill; a stated failure is fine if the same request then succeeds. Gives what did not hold. */
async function actUnderKill(act: Act, run: Run): Promise<string[]> {
  const { cluster, observer } = run;
  await act.accident?.(cluster, (address) => observer?.excuse(address));
  const { what, done } = killDuring(act, run);
  const operationId = await ask(act, cluster);
  await done;
  const ended = await untilEnded(customer, operationId, `${act.name} with ${what}`);
  await patiently(() => cluster.refresh());
  if (ended.status === 'Succeeded') return [];
  console.error(`seed ${seed}: ${act.name}, ${what}: ${JSON.stringify(ended.error)}`);
  if (!ended.error?.message) return [`${act.name}, ${what}: ended ${ended.status} without a word why`];
  const end = await untilEnded(customer, await ask(act, cluster), `${act.name} once more`);
  await patiently(() => cluster.refresh());
  return end.status === 'Succeeded' ? [] : [`${act.name}, ${what}: ${ended.error.message}; and again: ${end.error?.message}`];
}

/** The first clusters are made before anything is killed; later ones live through it, as every create must. */
async function prepare(lane: Lane, number: number): Promise<() => Promise<string[]>> {
  const name = `under-kills-${lane.name}-${number}`;
  const cluster = await followCluster(customer, { name, servers: lane.servers, networkCidr: `10.60.${number}.0/24` });
  return () => runLane(lane, cluster, seededRandom(seed + number));
}

async function deleteCluster({ id, name }: FollowedCluster): Promise<string[]> {
  const accepted = await patiently(() => customer.api.call('deleteCluster', { params: { id } }));
  if (!accepted.body) return [];
  const { status: end, error } = await untilEnded(customer, accepted.body.operation.id, `the delete of ${name}`);
  return end === 'Succeeded' ? [] : [`delete of ${name}: ${error?.message}`];
}

async function runLane(lane: Lane, cluster: FollowedCluster, random: () => number): Promise<string[]> {
  const broken: string[] = [];
  const observer = lane.observed ? observeServers(cluster.target) : undefined;
  try {
    for (let round = 0; round < lane.rounds; round += 1)
      for (const act of lane.acts) broken.push(...(await actUnderKill(act, { lane, cluster, observer, random })));
  } finally {
    const report = await observer?.stop();
    if (report && report.violations.length > 0)
      broken.push(
        `${lane.name}: ${report.violations.length} times too few servers, first ${JSON.stringify(report.violations[0])}`,
      );
    cluster.stop();
    broken.push(...(await deleteCluster(cluster)));
  }
  return broken;
}

beforeAll(async () => {
  console.log(`seed ${seed}; set TEST_SEED to repeat, TEST_KILL_RUNS for more than ${RUNS} runs of each`);
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  const installation = await customer.api.call('getInstallation', { params: { id: customer.identity.installationId } });
  resourceGroup = installation.body.resourceGroup;
  const database = openDatabase({ url: status.database.url, maxConnections: 1 });
  const place = { database, artifacts: foldersOf(status.stateFolder).artifacts };
  for (const version of VERSIONS) await offerRelabelledConsul(place, version);
  await database.close();
});

describe('a process killed at a random moment of an operation', () => {
  it(
    'leaves the cluster as wanted, or with a stated failure that the next try mends, and never fewer servers than it needs',
    { timeout: 7_200_000 },
    async () => {
      const all = lifecycleLanes(customer, { status, resourceGroup, runs: RUNS, versions: VERSIONS });
      const lanes = all.filter(([{ name }]) => !ONLY || ONLY.includes(name));
      expect(lanes).not.toEqual([]);
      const prepared = await Promise.all(lanes.map(([first], index) => prepare(first, index + 1)));
      const broken = await Promise.all(
        prepared.map(async (run, index) => {
          const found = await run();
          // As many clusters at once as there are lanes, not more.
          for (const [later, lane] of (lanes[index]?.slice(1) ?? []).entries())
            found.push(...(await (await prepare(lane, lanes.length + 1 + later))()));
          return found;
        }),
      );
      expect(broken.flat()).toEqual([]);
    },
  );
});
