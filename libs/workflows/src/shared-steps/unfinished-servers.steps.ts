import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOn, findLeader, managementToken } from './consul-access';
import { SERVER_LOOK } from './delays';
import { machinesOfNoMember, scaleSetOf } from './machines';
import { areTakenOut, forget, removeMachine } from './remove-server.steps';
import { majorityTakesPart } from './seen-servers';
import { raftPeerAt } from './server-health';

/**
 * Takes away what an operation that did not finish has left: servers that never became members or are members no more, and
 * machines without a server. A vote is taken away only while most members are seen to be healthy, a machine only after its vote.
 */
async function clearUnfinished(step: Step) {
  const { cluster } = step;
  const machines = await machinesOfNoMember(step);
  if (cluster.unfinishedServers.length === 0 && machines.length === 0) return done();
  const leader = await findLeader(step);
  if (!leader) return waitFor('The servers are electing a leader', SERVER_LOOK);
  const leading = await consulOn(step, leader, await managementToken(step));
  const peers = await leading.operator.raftServers();
  const voting = cluster.unfinishedServers.flatMap(({ address }) => raftPeerAt(peers, address) ?? []);
  if (voting.length > 0 && !(await majorityTakesPart(step, cluster.serverRecords)))
    return waitFor('The servers are proving that they are healthy', SERVER_LOOK);
  for (const { ID } of voting) await leading.operator.removeRaftPeer(ID);
  for (const machine of machines) await removeMachine(step, machine);
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const members = new Set(cluster.serverRecords.map(({ vmId }) => vmId));
  const left = (await scaleSets.listInstances(resourceGroup, scaleSet)).filter(({ vmId }) => !members.has(vmId));
  if (left.length > 0) return waitFor('Azure is removing machines that no server needs', SERVER_LOOK);
  if (!(await areTakenOut(leading, cluster.unfinishedServers)))
    return waitFor('The servers are noticing that another one is gone', SERVER_LOOK);
  return forget(step, cluster.unfinishedServers, leading);
}

/** In the beginning: what an earlier operation has left. */
export const unfinishedServersAreCleared = async (step: Step) => clearUnfinished(step);

/** After a failure: what this operation has left. A delete that waits for the end of it takes everything away itself. */
export const unfinishedServersAreTakenBack = async (step: Step) =>
  step.cluster.provisioningState === 'Deleting' ? done() : clearUnfinished(step);
