/**
 * What every operation that takes servers down one at a time has in common: the order, the gates before and after, and that
 * leadership moves first. Use it as
 *
 *     forEachServer(followersFirst, [
 *       ...BEFORE_SERVER_GOES_DOWN,
 *       action(restartServer),          // calls requireSafeToTakeDown first
 *       AFTER_SERVER_IS_BACK,
 *     ])
 */
import { minutes, seconds } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import { action, condition, done, waitFor, type StepEntry } from '@managed-consul/workflow-engine';
import type { Services, Step } from '../services';
import { findLeader } from './consul-access';
import { SERVER_LOOK } from './delays';
import { moveLeadershipOff } from './leadership';
import { whatOthersLack, whatServerLacks } from './server-gates';
import { serverOfItem } from './server-of-item';

/** Past it the leader is taken down as it is, and the others hold an election: 1 to 2 s without writes. */
export const LEADERSHIP_PATIENCE = seconds(20);

/** The servers, the leader last: each change of the leader costs the customer a moment without writes. */
export async function inOrderFollowersFirst(step: Step): Promise<Server[]> {
  const leader = await findLeader(step);
  const servers = [...step.cluster.serverRecords];
  return servers.sort((one, other) => Number(one.id === leader?.id) - Number(other.id === leader?.id));
}

/** Plan of `forEachServer`: vmIds, the leader's last. */
export async function followersFirst(step: Step): Promise<string[]> {
  return (await inOrderFollowersFirst(step)).map(({ vmId }) => vmId);
}

/** Done when every other server is fit to carry the cluster while this one is away. */
export async function othersAreHealthy(step: Step) {
  const lack = await whatOthersLack(step, serverOfItem(step));
  return lack === undefined ? done() : waitFor(lack, SERVER_LOOK);
}

/** From here on the leader has a while to hand over. */
export async function beginHandover({ clock }: Step) {
  return done({ since: clock.now().toISOString() });
}

/** Done when another server leads; or after a while anyway, because an election is better than a change that never comes. */
export async function leadershipIsElsewhere(step: Step) {
  const waiting = await moveLeadershipOff(step, serverOfItem(step));
  if (waiting === undefined) return done({ moved: true });
  const waited = step.clock.now().getTime() - new Date(step.outputOf(beginHandover).since).getTime();
  return waited > LEADERSHIP_PATIENCE ? done({ moved: false }) : waitFor(waiting, SERVER_LOOK);
}

/**
 * What keeps a server of the item from going because it leads, in a sentence, after having it hand over once more: the lead may have
 * come back since `leadershipIsElsewhere`. Undefined when it may go, which is also so for one that could not hand over in time.
 */
export async function whatLeadLacks(step: Step, server: Server): Promise<string | undefined> {
  if (step.findOutputOf(leadershipIsElsewhere, step.item)?.moved === false) return undefined;
  return moveLeadershipOff(step, server);
}

/**
 * Asked by the step that takes a server down, right before it does: hours may lie between it and the gates before. Throws
 * `TransientError` while another server is not fit, or when the lead has come back to this one.
 */
export async function requireSafeToTakeDown(step: Step, server: Server): Promise<void> {
  const lack = await whatOthersLack(step, server);
  if (lack !== undefined) throw new TransientError(`${server.name} cannot be taken down: ${lack}.`);
  const waiting = await whatLeadLacks(step, server);
  if (waiting !== undefined) throw new TransientError(`${server.name} cannot be taken down: ${waiting}.`);
}

/** Done when the server is a full member again and the next one may be touched. */
export async function serverHasCaughtUp(step: Step) {
  const lack = await whatServerLacks(step, serverOfItem(step));
  return lack === undefined ? done() : waitFor(lack, SERVER_LOOK);
}

/** Before the step that takes the server of the item down. */
export const BEFORE_SERVER_GOES_DOWN: readonly StepEntry<Services>[] = [
  condition(othersAreHealthy, {
    within: minutes(10),
    orFail: 'The other servers did not become healthy, so no server was taken down.',
  }),
  action(beginHandover),
  condition(leadershipIsElsewhere, { within: minutes(5), orFail: 'The servers did not agree on a leader.' }),
];

/** After the step that brought it back. */
export const AFTER_SERVER_IS_BACK: StepEntry<Services> = condition(serverHasCaughtUp, {
  within: minutes(10),
  orFail: 'A server did not catch up with the others after it was changed.',
});
