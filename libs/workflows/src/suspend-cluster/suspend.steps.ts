import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Server } from '@managed-consul/database';
import type { Step } from '../services';
import { runningVersion } from '../shared-steps/add-server.steps';
import { azureLook, SERVER_LOOK } from '../shared-steps/delays';
import { scaleSetOf } from '../shared-steps/machines';
import type { ServerWish } from '../shared-steps/server-desired-state';
import { askOf, isAsAsked } from '../shared-steps/server-runs';

/** From here on only a resume, another suspend and a delete are taken: nothing else finds servers to talk to. */
export async function confirmClusterCanBeSuspended({ cluster }: Step) {
  if (cluster.serverRecords.length === 0)
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState} and has no servers.`);
  return done(undefined, async (tx) => {
    await tx.cluster.update({ where: { id: cluster.id }, data: { powerState: 'Suspended', revision: { increment: 1 } } });
  });
}

/** Stopped, and not started again by the agent when the machine starts. */
const stoppedWish = (step: Step, server: Server): ServerWish => ({
  server,
  consulVersion: server.consulVersion ?? runningVersion(step),
  bootstrap: false,
  running: false,
});

/** A suspension that is asked for again finds machines that are off already: there is nobody to ask. */
async function connectedServers({ cluster, agents }: Step): Promise<Server[]> {
  const all = await Promise.all(
    cluster.serverRecords.map(async (server) => ((await agents.isConnected(cluster.id, server.vmId)) ? [server] : [])),
  );
  return all.flat();
}

/** All at once, so that none begins an election: whatever was acknowledged is on the disks of a majority. */
export async function stopServers(step: Step) {
  const hashes = await Promise.all(
    (await connectedServers(step)).map(async (server) => [server.vmId, await askOf(step, stoppedWish(step, server))] as const),
  );
  return done({ hashes: Object.fromEntries(hashes), since: step.clock.now().toISOString() });
}

export async function everyServerHasStopped(step: Step) {
  const { hashes } = step.outputOf(stopServers);
  const connected = await connectedServers(step);
  const states = await Promise.all(
    connected
      .filter(({ vmId }) => vmId in hashes)
      .map((server) => isAsAsked(step, stoppedWish(step, server), hashes[server.vmId])),
  );
  return states.every(Boolean) ? done() : waitFor('Consul is stopping on the servers', SERVER_LOOK);
}

/** Azure gives the hosts back; disks and network cards stay. */
export async function startDeallocating(step: Step) {
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  await scaleSets.startDeallocating(resourceGroup, scaleSet, step.signal);
  return done({ askedAt: step.clock.now().toISOString() });
}

/** Done when no machine costs anything any more. */
export async function everyMachineIsDeallocated(step: Step) {
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const power = [...(await scaleSets.listPower(resourceGroup, scaleSet)).values()];
  if (power.length > 0 && power.every((word) => word === 'deallocated')) return done();
  return waitFor('Azure is stopping the machines', azureLook(step.outputOf(startDeallocating).askedAt, step.clock.now()));
}

/** What was last seen of the servers is not so any more. */
export async function recordSuspendedCluster({ cluster }: Step) {
  return done(undefined, async (tx) => {
    await tx.server.updateMany({ where: { clusterId: cluster.id }, data: { raftRole: null, healthy: null } });
    await tx.cluster.update({ where: { id: cluster.id }, data: { powerState: 'Suspended', revision: { increment: 1 } } });
  });
}
