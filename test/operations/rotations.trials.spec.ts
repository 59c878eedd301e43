import type { ClientBundleBody } from '@managed-consul/api-contract';
import {
  readClientBundle,
  requestRotation,
  ROTATION_KINDS,
  secretOwnerOf,
  writeBundle,
  type RotationTarget,
} from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { consulBinary, driveToEnd, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import { stepsOf } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startConsulClientAgent, type ConsulClientAgent } from '../support/consul-client-agent';
import { inForce } from '../support/rotation-verification';
import { observeServers } from '../support/server-observer';
import { startSteadyWriter, type WriterTarget } from '../support/steady-writer';
import { verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

/** The authority last: what was signed before is renewed with it. */
const ALL: RotationTarget[] = ['GossipKey', 'AgentTokens', 'ConnectAuthority', 'ServerCertificates', 'CertificateAuthority'];

let world: WorkflowWorld;

beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

async function readyCluster(servers: number): Promise<string> {
  const created = await world.requestCluster(servers);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  return created.clusterId;
}

async function request(what: RotationTarget, clusterId: string): Promise<string> {
  const { database, requester } = world;
  return (await database.prisma.$transaction((tx) => requestRotation(tx, { requester, clusterId, what }))).id;
}

/** The rotation as a trial: each must bring something new into force. */
function rotationOf(what: RotationTarget, clusterId: string, beforehand = async () => {}): WorkflowTrial<Services> {
  let before: string | undefined;
  return {
    ...world,
    request: async () => {
      await beforehand();
      return request(what, clusterId);
    },
    verify: async () => {
      const now = await inForce(world, what, clusterId);
      expect(now).not.toBe(before);
      before = now;
    },
  };
}

async function writerTarget(clusterId: string): Promise<WriterTarget> {
  const { database, dependencies, requester } = world;
  const cluster = await database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId }, include: { serverRecords: true } });
  const { caPem } = await readClientBundle(database, dependencies.secrets, { requester, clusterId });
  const token = (await dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token')).reveal();
  const addresses = cluster.serverRecords.map(({ address }) => address);
  return { addresses, datacenter: cluster.datacenter, ca: caPem, token };
}

/** The processes of Consul on the cluster's servers: others after a restart. */
async function consulProcesses(clusterId: string): Promise<(number | undefined)[]> {
  const servers = await world.database.prisma.server.findMany({ where: { clusterId }, orderBy: { name: 'asc' } });
  return Promise.all(
    servers.map(async ({ vmId }) => (await (await world.dependencies.agents.find(clusterId, vmId)).state()).consul.pid),
  );
}

describe('a cluster of three servers under a writer', () => {
  let clusterId: string;
  /** As a customer knows the cluster who fetches the client bundle once before each rotation. */
  let known: WriterTarget;
  const fetchBundle = async (): Promise<void> => {
    known = await writerTarget(clusterId);
  };
  beforeAll(async () => {
    clusterId = await readyCluster(3);
    await fetchBundle();
  });

  it.each(ALL)(
    'renews its %s without losing a write or restarting a server, with every step twice and workers that die at each',
    async (what) => {
      const writer = startSteadyWriter(() => known);
      const observer = observeServers(() => known);
      const trial = rotationOf(what, clusterId, fetchBundle);
      const processes = await consulProcesses(clusterId);
      await killedAtEveryStep(trial, { twice: true });
      const written = await writer.stop();
      const observed = await observer.stop();
      console.info(`rotation of ${what}: longest gap ${written.longestGap.toFixed(0)} ms, ${written.acknowledged} writes`);
      expect(written.lost).toEqual([]);
      expect(observed.violations).toEqual([]);
      expect(observed.mostDownAtOnce).toBe(0);
      expect(await consulProcesses(clusterId)).toEqual(processes);
    },
  );
});

describe('a client agent with the bundle from before', () => {
  const [OLD, LATE, LATER, NEW] = ['127.88.3.2', '127.88.3.3', '127.88.3.4', '127.88.3.5'];
  let clusterId: string;
  const agents: ConsulClientAgent[] = [];
  afterAll(() => Promise.all(agents.map((agent) => agent.stop())));

  const fetchBundle = async () => {
    const { database, dependencies, requester } = world;
    return writeBundle(await readClientBundle(database, dependencies.secrets, { requester, clusterId }));
  };
  async function start(address: string, bundle: ClientBundleBody): Promise<ConsulClientAgent> {
    const { token } = await writerTarget(clusterId);
    const { path } = await consulBinary();
    const agent = await startConsulClientAgent({ consulBinary: path, address, bundle, token, nodeName: `customer-${address}` });
    agents.push(agent);
    return agent;
  }
  const rotate = async (what: RotationTarget) =>
    expect(await world.drive(await request(what, clusterId))).toMatchObject({ state: 'Succeeded' });
  /** Through the servers' RPC port, over a connection that they verified and the agent did too. */
  const reachesServers = async (agent: ConsulClientAgent) =>
    (await agent.ask('PUT', '/v1/kv/from-a-client', 'x').catch(() => undefined))?.status === 200;
  const comesUp = (agent: ConsulClientAgent) => until(() => reachesServers(agent), { within: 30_000 });

  it('works on through a rotation of the authority, is dropped with the next, and the newest bundle is good', async () => {
    clusterId = await readyCluster(1);
    const before = await fetchBundle();
    const old = await start(OLD, before);
    await comesUp(old);
    for (const what of ALL) if (what !== 'GossipKey') await rotate(what);
    expect(await reachesServers(old)).toBe(true);
    // Also one that has nothing from the time before but the bundle.
    await comesUp(await start(LATE, before));

    await rotate('CertificateAuthority');
    const dropped = await start(LATER, before);
    await comesUp(await start(NEW, await fetchBundle()));
    expect(await reachesServers(dropped)).toBe(false);
    expect(dropped.output()).toContain('x509: certificate signed by unknown authority');
  });

  it('that was there learns the new gossip key by itself, and one that comes later needs the new bundle', async () => {
    const before = await fetchBundle();
    const [present] = agents.slice(-1);
    await rotate('GossipKey');
    expect(present && (await reachesServers(present))).toBe(true);
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));

    const late = await start(LATE, before);
    await comesUp(await start(NEW, await fetchBundle()));
    expect(await reachesServers(late)).toBe(false);
  });
});

describe('a rotation that fails at any step', () => {
  /** Fails the rotation after the effect of `step`. */
  async function failAt(what: RotationTarget, clusterId: string, step: string): Promise<void> {
    const reached = (point: string, { name }: { name: string }) => {
      if (point === 'after-effect' && name === step) throw new TerminalError('FailedOnTrial', 'It failed.');
    };
    const failed = await driveToEnd(world, await request(what, clusterId), { reached });
    expect(failed, step).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
  }

  async function failEverywhere(what: RotationTarget): Promise<void> {
    const clusterId = await readyCluster(1);
    const trial = rotationOf(what, clusterId);
    const workflow = world.host.workflows.get(ROTATION_KINDS[what]);
    for (const { name } of stepsOf(workflow?.steps ?? [])) {
      await failAt(what, clusterId, name);
      expect(await world.drive(await trial.request()), `after ${name}`).toMatchObject({ state: 'Succeeded' });
      await trial.verify('');
    }
    await failAt(what, clusterId, 'everyServerTakesPart');
    expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  }

  it('is made good by the next one, and the cluster can be deleted', async () => {
    await Promise.all(ALL.map(failEverywhere));
  });
});
