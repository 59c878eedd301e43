import { CLUSTER_TAG, clusterNames } from '@managed-consul/azure';
import { secretOwnerOf } from '@managed-consul/clusters';
import { systemClock, type SecretValue } from '@managed-consul/config';
import { ANONYMOUS_TOKEN_ACCESSOR, ConsulClient } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { until } from '@managed-consul/testing';
import { expect } from 'vitest';
import { listeningAddresses } from './machine-processes';
import type { WorkflowWorld } from './workflow-world';

const CONSUL_RPC_PORT = 8300;

const readCluster = ({ database }: WorkflowWorld, id: string) =>
  database.prisma.cluster.findUniqueOrThrow({ where: { id }, include: { serverRecords: true, installation: true } });

type ReadCluster = Awaited<ReturnType<typeof readCluster>>;

/** What Azure answers once it does: it throttles a test like everybody else. */
async function askAzure<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  const asked = await until(async () => ({ answer: await question() }), { within: 60_000, because: 'Azure answers' });
  return asked.answer;
}

/** Names of everything in Azure that carries the cluster's tag, in order. */
async function taggedResources({ dependencies }: WorkflowWorld, { id, installation }: ReadCluster): Promise<string[]> {
  const { resources } = dependencies.azure.inSubscription(installation.subscriptionId);
  const tagged = await askAzure(() => resources.listByTag(installation.resourceGroup, CLUSTER_TAG, id));
  return tagged.map(({ name }) => name).sort();
}

/** Consul on a server through its agent, asked with `token` or with none. */
export async function consulThroughAgent(
  { dependencies }: WorkflowWorld,
  clusterId: string,
  server: Server,
  token?: SecretValue,
): Promise<ConsulClient> {
  const agent = await dependencies.agents.find(clusterId, server.vmId);
  return new ConsulClient({ fetch: (path, request) => agent.consulFetch(path, request), token });
}

async function verifyAzure(world: WorkflowWorld, cluster: ReadCluster): Promise<void> {
  const names = clusterNames(cluster.id);
  const {
    deployment: _deployment,
    computerNamePrefix: _prefix,
    publicLoadBalancer: _balancer,
    publicAddress: _address,
    ...made
  } = names;
  expect(await taggedResources(world, cluster)).toEqual(Object.values(made).sort());
  const { scaleSets } = world.dependencies.azure.inSubscription(cluster.installation.subscriptionId);
  const machines = await askAzure(() => scaleSets.listInstances(cluster.installation.resourceGroup, names.scaleSet));
  expect(machines.map(({ vmId }) => vmId).sort()).toEqual(cluster.serverRecords.map(({ vmId }) => vmId).sort());
}

async function verifyConsul(world: WorkflowWorld, cluster: ReadCluster): Promise<void> {
  const token = await world.dependencies.secrets.get(secretOwnerOf(cluster.id), 'management-token');
  const accessors = cluster.serverRecords.map(({ agentTokenAccessorId }) => agentTokenAccessorId);
  for (const server of cluster.serverRecords) {
    const consul = await consulThroughAgent(world, cluster.id, server, token);
    expect((await consul.operator.raftServers()).filter(({ Voter }) => Voter)).toHaveLength(cluster.servers);
    const tokens = await consul.accessControl.listTokens();
    // One for each server, the anonymous one, and the service's own: nothing was made twice.
    expect(tokens).toHaveLength(cluster.servers + 2);
    expect(tokens.map(({ AccessorID }) => AccessorID)).toEqual(expect.arrayContaining([...accessors, ANONYMOUS_TOKEN_ACCESSOR]));
    expect(await consul.readKey('managed-consul/proof-of-writing')).toBeUndefined();
    const anyone = await consulThroughAgent(world, cluster.id, server);
    expect(await anyone.refusesToReadKey('anything')).toBe(true);
    expect(await anyone.services()).toHaveProperty('consul');
    const own = await consulThroughAgent(
      world,
      cluster.id,
      server,
      await world.dependencies.secrets.get(secretOwnerOf(cluster.id), `agent-token/${server.vmId}`),
    );
    expect(await own.refusesToReadKey('anything')).toBe(true);
  }
}

/** Throws unless the cluster is ready, in Azure, in Consul and in the records, with nothing there twice. */
export async function verifyReadyCluster(world: WorkflowWorld, clusterId: string): Promise<void> {
  const cluster = await readCluster(world, clusterId);
  expect(cluster).toMatchObject({
    provisioningState: 'Succeeded',
    failureCode: null,
    observedConsulVersion: cluster.consulVersion,
  });
  expect(cluster.privateEndpointUrl).toMatch(/^https:\/\/[\d.]+:8501$/);
  expect(cluster.serverRecords).toHaveLength(cluster.servers);
  const certificates = await world.database.prisma.certificate.findMany({ where: { owner: secretOwnerOf(clusterId) } });
  expect(certificates.map(({ purpose }) => purpose).sort()).toEqual(
    ['ca', ...cluster.serverRecords.map(({ vmId }) => `server/${vmId}`)].sort(),
  );
  expect(certificates.every(({ notAfter }) => notAfter > systemClock.now())).toBe(true);
  await verifyAzure(world, cluster);
  await verifyConsul(world, cluster);
}

/** Throws unless nothing of the cluster is left: no resource, no process, no secret, no record of something living. */
export async function verifyDeletedCluster(
  world: WorkflowWorld,
  clusterId: string,
  addresses: readonly string[] = [],
): Promise<void> {
  const cluster = await readCluster(world, clusterId);
  expect(cluster).toMatchObject({ provisioningState: 'Deleted', failureCode: null, serverRecords: [], identityResourceId: null });
  expect(cluster.deletedAt).not.toBeNull();
  expect(await taggedResources(world, cluster)).toEqual([]);
  const owner = secretOwnerOf(clusterId);
  const { dataKey, secret, certificate, agentEnrolment } = world.database.prisma;
  const left = await Promise.all([
    dataKey.count({ where: { owner } }),
    secret.count({ where: { owner } }),
    certificate.count({ where: { owner } }),
    agentEnrolment.count({ where: { clusterId } }),
  ]);
  expect(left).toEqual([0, 0, 0, 0]);
  expect(listeningAddresses(CONSUL_RPC_PORT).filter((address) => addresses.includes(address))).toEqual([]);
}
