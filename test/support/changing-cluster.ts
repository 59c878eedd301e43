import { secretOwnerOf } from '@managed-consul/clusters';
import type { Operation } from '@managed-consul/operations';
import type { Transaction } from '@managed-consul/database';
import { expect } from 'vitest';
import { observeServers } from './server-observer';
import { startSteadyWriter, type WriterTarget } from './steady-writer';
import { consulThroughAgent } from './workflow-verification';
import type { WorkflowWorld } from './workflow-world';

const REFRESH_MILLISECONDS = 200;

/** Where a cluster can be reached, kept fresh while its servers come and go. Stop it in the end. */
async function followServers(world: WorkflowWorld, clusterId: string) {
  const { database, dependencies } = world;
  const owner = secretOwnerOf(clusterId);
  const { datacenter } = await database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
  const ca = await database.prisma.certificate.findFirstOrThrow({ where: { owner, purpose: 'ca' } });
  const token = (await dependencies.secrets.get(owner, 'management-token')).reveal();
  const read = async () => {
    const members = await database.prisma.server.findMany({ where: { clusterId, membership: 'Member' } });
    return members.map(({ address }) => address);
  };
  let addresses = await read();
  const refresh = () =>
    read().then(
      (now) => (addresses = now),
      // The world may be stopped while a look is on its way: the last addresses have to do.
      () => undefined,
    );
  const timer = setInterval(() => void refresh(), REFRESH_MILLISECONDS);
  const target = (): WriterTarget => ({ addresses, datacenter, ca: ca.pem, token });
  return { target, stop: () => clearInterval(timer) };
}

/**
 * Carries out `change` while a program writes to the cluster and somebody watches its servers from outside: no acknowledged write
 * may be lost, no two voters may be down at once. Prints the longest time without a write.
 */
export async function underWriter(
  world: WorkflowWorld,
  clusterId: string,
  what: string,
  change: () => Promise<void>,
): Promise<void> {
  const following = await followServers(world, clusterId);
  const writer = startSteadyWriter(following.target);
  const observer = observeServers(following.target);
  try {
    await change();
  } finally {
    const written = await writer.stop();
    const observed = await observer.stop();
    following.stop();
    console.info(`${what}: longest gap ${written.longestGap.toFixed(0)} ms, ${written.acknowledged} writes`);
    expect(written.acknowledged).toBeGreaterThan(0);
    expect(written.lost).toEqual([]);
    expect(observed.violations).toEqual([]);
  }
}

/** A ready cluster whose new servers count as stable after a second: Consul's own setting, ten seconds unless changed. */
export async function quickCluster(world: WorkflowWorld, servers: number): Promise<string> {
  const { clusterId, operationId } = await world.requestCluster(servers);
  expect((await world.drive(operationId)).state).toBe('Succeeded');
  const server = await world.database.prisma.server.findFirstOrThrow({ where: { clusterId } });
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  const { operator } = await consulThroughAgent(world, clusterId, server, token);
  await operator.changeAutopilot({ ServerStabilizationTime: '1s' });
  return clusterId;
}

/** Asks for something in a transaction of its own and gives the operation's id. */
export async function ask(world: WorkflowWorld, wish: (tx: Transaction) => Promise<Operation>): Promise<string> {
  return (await world.database.prisma.$transaction((tx) => wish(tx))).id;
}
