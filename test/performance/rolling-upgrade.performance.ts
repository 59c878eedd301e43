import { secretOwnerOf } from '@managed-consul/clusters';
import { consulBinary, definePerformance } from '@managed-consul/testing';
import { requestUpgrade } from '@managed-consul/upgrades';
import { offerRelabelledConsul } from '../support/relabelled-consul';
import { observeServers } from '../support/server-observer';
import { startSteadyWriter, type WriterTarget } from '../support/steady-writer';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';
import { startBareCluster, type BareCluster } from './bare-cluster';
import { rollingRestart } from './bare-rolling-restart';
import { median } from './median';

/** Relabelled builds, one round each; a cluster is made with the first. */
const VERSIONS = ['1.8.0', '1.8.1', '1.8.2', '1.8.3', '1.8.4', '1.8.5'] as const;
const LARGEST_RATIO = 0.35;
/** Loopback network of the bare servers; the service's machines have another. */
const BARE_ADDRESSES = '127.79.1';

/** Does the work under a writer and gives the longest gap in milliseconds. Throws when an acknowledged write was lost. */
async function longestGap(target: () => WriterTarget, work: () => Promise<void>): Promise<number> {
  const [writer, observer] = [startSteadyWriter(target), observeServers(target)];
  let worked: unknown;
  await work().catch((error: unknown) => (worked = error));
  const [written, observed] = [await writer.stop(), await observer.stop()];
  if (worked !== undefined) throw worked;
  if (written.lost.length > 0) throw new Error(`${written.lost.length} acknowledged writes were lost.`);
  if (observed.violations.length > 0) throw new Error(`too many servers were down: ${JSON.stringify(observed.violations)}`);
  return written.longestGap;
}

async function writerTarget({ database, dependencies }: WorkflowWorld, clusterId: string): Promise<() => WriterTarget> {
  const owner = secretOwnerOf(clusterId);
  const cluster = await database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId }, include: { serverRecords: true } });
  const { pem } = await database.prisma.certificate.findFirstOrThrow({ where: { owner, purpose: 'ca' } });
  const token = (await dependencies.secrets.get(owner, 'management-token')).reveal();
  const addresses = cluster.serverRecords.map(({ address }) => address);
  return () => ({ addresses, datacenter: cluster.datacenter, ca: pem, token });
}

async function succeed(world: WorkflowWorld, operationId: string): Promise<void> {
  const ended = await world.drive(operationId);
  if (ended.state !== 'Succeeded') throw new Error(`the operation has ended as ${JSON.stringify(ended)}`);
}

async function createCluster(world: WorkflowWorld): Promise<string> {
  const { consulVersion } = world.database.prisma;
  for (const version of VERSIONS)
    await offerRelabelledConsul({ database: world.database, artifacts: world.world.folders.artifacts }, version);
  await consulVersion.updateMany({ where: { status: 'RECOMMENDED' }, data: { status: 'AVAILABLE' } });
  await consulVersion.update({ where: { version: VERSIONS[0] }, data: { status: 'RECOMMENDED' } });
  const created = await world.requestCluster(3);
  await succeed(world, created.operationId);
  return created.clusterId;
}

async function upgrade(world: WorkflowWorld, clusterId: string, consulVersion: string): Promise<void> {
  const { database, requester } = world;
  const { id } = await database.prisma.$transaction((tx) => requestUpgrade(tx, { requester, clusterId, consulVersion }));
  await succeed(world, id);
}

/** Whoever asks the bare servers: all of them, as a customer would. */
function bareTarget({ targets }: BareCluster): WriterTarget {
  const [first] = targets;
  if (!first?.token) throw new Error('a cluster needs a server and a token');
  return { addresses: targets.map(({ address }) => address), datacenter: first.datacenter, ca: first.ca, token: first.token };
}

/**
 * How long a customer's writes stand still during an upgrade by the service, beside a plain rolling restart of the same servers;
 * the two take turns. A client writes a key every 20 ms; no acknowledged write may be lost in either.
 */
export const rollingUpgrade = definePerformance({
  name: 'rolling-upgrade',
  description: 'longest gap in the writes of a customer during an upgrade of 3 servers, against a plain rolling restart',
  run: async ({ say }) => {
    const { path } = await consulBinary();
    const bareCluster = await startBareCluster({ consulBinary: path, servers: 3, addressBlock: BARE_ADDRESSES });
    const world = await openWorkflowWorld().catch(async (error: unknown) => {
      await bareCluster.stop();
      throw error;
    });
    const [bare, service]: [number[], number[]] = [[], []];
    try {
      const clusterId = await createCluster(world);
      const target = await writerTarget(world, clusterId);
      for (const version of VERSIONS.slice(1)) {
        bare.push(
          await longestGap(
            () => bareTarget(bareCluster),
            () => rollingRestart(bareCluster),
          ),
        );
        service.push(await longestGap(target, () => upgrade(world, clusterId, version)));
        say(`longest gap: bare ${bare.at(-1)?.toFixed(0)} ms, upgrade to ${version} ${service.at(-1)?.toFixed(0)} ms`);
      }
    } finally {
      await world.stop();
      await bareCluster.stop();
    }
    const [value, restart] = [median(service), median(bare)];
    return [{ name: 'longest write gap', value, unit: 'ms', bare: restart, hold: { is: 'at most', ratio: LARGEST_RATIO } }];
  },
});
