import { TerminalError } from '@managed-consul/errors';
import type { Server } from '@managed-consul/database';
import { namesAddress } from '@managed-consul/secrets';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { allTakeWrites, clusterIsReady } from '../create-cluster/readiness.steps';
import type { Step } from '../services';
import { runningVersion } from '../shared-steps/add-server.steps';
import { AGENT_LOOK, azureLook, SERVER_LOOK } from '../shared-steps/delays';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';
import { allTakePart } from '../shared-steps/remove-server.steps';
import { issueServerCertificate, recordServerCertificate } from '../shared-steps/server-certificates';
import type { ServerWish } from '../shared-steps/server-desired-state';
import { askOf, isAsAsked } from '../shared-steps/server-runs';
import { certificateAuthority, findServerCertificate } from '../shared-steps/server-secrets';

export async function confirmClusterCanBeResumed({ cluster }: Step) {
  if (cluster.serverRecords.length === 0)
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState} and has no servers.`);
  return done();
}

export async function startMachines(step: Step) {
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  await scaleSets.startMachines(resourceGroup, scaleSet, step.signal);
  return done({ askedAt: step.clock.now().toISOString() });
}

/**
 * Done when every machine that Azure still has runs; records the addresses that they have now. Its output says with which servers
 * the cluster goes on: one whose machine is gone is left to the next repair, as long as the others are a majority.
 */
export async function everyMachineRuns(step: Step) {
  const { cluster } = step;
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const [machines, power] = await Promise.all([machinesOf(step), scaleSets.listPower(resourceGroup, scaleSet)]);
  const found = cluster.serverRecords.map((server) => ({
    server,
    machine: machines.find(({ vmId }) => vmId === server.vmId),
  }));
  const lost = found.filter(({ machine }) => !machine);
  if (lost.length * 2 >= found.length)
    throw new TerminalError(
      'MachinesLost',
      'Most of the machines were deleted while the cluster was suspended. Restore a snapshot into a new cluster.',
    );
  const there = found.flatMap(({ server, machine }) => (machine ? [{ server, machine }] : []));
  const running = there.filter(({ machine }) => machine.address && power.get(machine.instanceId) === 'running');
  if (running.length < there.length) {
    const sentence = `Azure is starting the machines (${running.length} of ${there.length} run)`;
    return waitFor(sentence, azureLook(step.outputOf(startMachines).askedAt, step.clock.now()));
  }
  const moved = there.filter(({ server, machine }) => machine.address !== server.address);
  return done({ vmIds: there.map(({ server }) => server.vmId) }, async (tx) => {
    for (const { server, machine } of moved)
      await tx.server.update({ where: { id: server.id }, data: { address: machine.address ?? server.address } });
  });
}

/** The servers with which the cluster goes on, the same for all steps. */
function serversThatGoOn({ cluster, outputOf }: Step): Server[] {
  const { vmIds } = outputOf(everyMachineRuns);
  return cluster.serverRecords.filter(({ vmId }) => vmIds.includes(vmId));
}

/** Done when the agent of every machine that runs has dialled in again. */
export async function everyAgentIsBack(step: Step) {
  const { cluster, agents, clock } = step;
  const servers = serversThatGoOn(step);
  const connected = await Promise.all(servers.map(({ vmId }) => agents.isConnected(cluster.id, vmId)));
  const count = connected.filter(Boolean).length;
  if (count < servers.length)
    return waitFor(`The servers are starting (${count} of ${servers.length} have reported)`, AGENT_LOOK);
  const agentSeenAt = clock.now();
  return done(undefined, async (tx) => {
    await tx.server.updateMany({ where: { id: { in: servers.map(({ id }) => id) } }, data: { agentSeenAt } });
  });
}

/** Whether a server's certificate in force ends soon, or was made for an address that the server has no more. */
async function needsCertificate(step: Step, server: Server): Promise<boolean> {
  const pem = await findServerCertificate(step, server, step.clock.now());
  return pem === undefined || !namesAddress(pem, server.address);
}

/**
 * Certificates name addresses and end: a long sleep may have cost either. The certificate itself is asked, not what this resume has
 * seen change: one that failed before may have recorded the new address already.
 */
export async function renewServerCertificates(step: Step) {
  const { cluster } = step;
  const authority = await certificateAuthority(step);
  const renewed = await Promise.all(
    serversThatGoOn(step).map(async (server) => {
      if (!(await needsCertificate(step, server))) return [];
      return [{ server, certificate: await issueServerCertificate(step, authority, server) }];
    }),
  );
  return done(undefined, async (tx) => {
    for (const { server, certificate } of renewed.flat()) await recordServerCertificate(tx, cluster, server, certificate);
  });
}

/** They have elected a leader before: Raft knows its voters by their ids, wherever they are now. */
const startedWish = (step: Step, server: Server): ServerWish => ({
  server,
  consulVersion: server.consulVersion ?? runningVersion(step),
  bootstrap: false,
  running: true,
});

/** All at once: alone none of them is a majority. */
export async function startServersAgain(step: Step) {
  const hashes = await Promise.all(
    serversThatGoOn(step).map(async (server) => [server.vmId, await askOf(step, startedWish(step, server))] as const),
  );
  return done({ hashes: Object.fromEntries(hashes) });
}

export async function everyServerRunsAgain(step: Step) {
  const { hashes } = step.outputOf(startServersAgain);
  const servers = serversThatGoOn(step);
  const states = await Promise.all(servers.map((server) => isAsAsked(step, startedWish(step, server), hashes[server.vmId])));
  const running = states.filter(Boolean).length;
  if (running < states.length) return waitFor(`Consul is starting (${running} of ${states.length} servers run it)`, SERVER_LOOK);
  return done(undefined, async (tx) => {
    for (const { id, vmId } of servers) await tx.server.update({ where: { id }, data: { appliedHash: hashes[vmId] ?? null } });
  });
}

/** Done when the cluster is whole; when machines are gone, when those that are left take part and take writes. */
export async function resumedClusterIsReady(step: Step) {
  const servers = serversThatGoOn(step);
  if (servers.length === step.cluster.serverRecords.length) return clusterIsReady(step);
  return (await allTakePart(step, servers))
    ? allTakeWrites(step, servers)
    : waitFor('The servers are proving that they are healthy', SERVER_LOOK);
}

export async function recordResumedCluster({ cluster }: Step) {
  return done(undefined, async (tx) => {
    await tx.cluster.update({ where: { id: cluster.id }, data: { powerState: 'Running', revision: { increment: 1 } } });
  });
}
