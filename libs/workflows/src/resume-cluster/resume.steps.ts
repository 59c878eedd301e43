import { TerminalError } from '@managed-consul/errors';
import type { Server } from '@managed-consul/database';
import { namesAddress } from '@managed-consul/secrets';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { runningVersion } from '../shared-steps/add-server.steps';
import { AGENT_LOOK, azureLook, SERVER_LOOK } from '../shared-steps/delays';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';
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

/** Done when every server's machine runs; records the addresses that they have now. */
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
  return done(undefined, async (tx) => {
    for (const { server, machine } of moved)
      await tx.server.update({ where: { id: server.id }, data: { address: machine.address ?? server.address } });
  });
}

/** Done when every machine's agent has dialled in again. */
export async function everyAgentIsBack({ cluster, agents, clock }: Step) {
  const connected = await Promise.all(cluster.serverRecords.map(({ vmId }) => agents.isConnected(cluster.id, vmId)));
  const count = connected.filter(Boolean).length;
  if (count < cluster.serverRecords.length)
    return waitFor(`The servers are starting (${count} of ${cluster.serverRecords.length} have reported)`, AGENT_LOOK);
  const agentSeenAt = clock.now();
  return done(undefined, async (tx) => {
    await tx.server.updateMany({ where: { clusterId: cluster.id, membership: 'Member' }, data: { agentSeenAt } });
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
    cluster.serverRecords.map(async (server) => {
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
    step.cluster.serverRecords.map(async (server) => [server.vmId, await askOf(step, startedWish(step, server))] as const),
  );
  return done({ hashes: Object.fromEntries(hashes) });
}

export async function everyServerRunsAgain(step: Step) {
  const { cluster, outputOf } = step;
  const { hashes } = outputOf(startServersAgain);
  const states = await Promise.all(
    cluster.serverRecords.map((server) => isAsAsked(step, startedWish(step, server), hashes[server.vmId])),
  );
  const running = states.filter(Boolean).length;
  if (running < states.length) return waitFor(`Consul is starting (${running} of ${states.length} servers run it)`, SERVER_LOOK);
  return done(undefined, async (tx) => {
    for (const { id, vmId } of cluster.serverRecords)
      await tx.server.update({ where: { id }, data: { appliedHash: hashes[vmId] ?? null } });
  });
}

export async function recordResumedCluster({ cluster }: Step) {
  return done(undefined, async (tx) => {
    await tx.cluster.update({ where: { id: cluster.id }, data: { powerState: 'Running', revision: { increment: 1 } } });
  });
}
