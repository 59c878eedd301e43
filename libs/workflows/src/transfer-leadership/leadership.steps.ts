import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { findLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { moveLeadershipOff } from '../shared-steps/leadership';
import { whatOthersLack } from '../shared-steps/server-gates';

/** Who is to lead no more: whoever leads when the operation begins. */
export async function noteLeader(step: Step) {
  if (step.cluster.serverRecords.length < 2)
    throw new TerminalError('NoOtherServer', 'The cluster has one server, and nobody else can lead.');
  const leader = await findLeader(step);
  if (!leader) throw new TransientError('The servers are electing a leader.');
  const lack = await whatOthersLack(step, leader);
  if (lack !== undefined) throw new TransientError(`The lead cannot be handed over: ${lack}.`);
  return done({ vmId: leader.vmId });
}

/** Done when another server leads. */
export async function anotherServerLeads(step: Step) {
  const { vmId } = step.outputOf(noteLeader);
  const leader = step.cluster.serverRecords.find((server) => server.vmId === vmId);
  const waiting = leader && (await moveLeadershipOff(step, leader));
  return waiting === undefined ? done() : waitFor(waiting, SERVER_LOOK);
}
