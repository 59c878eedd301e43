import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from '../shared-steps/delays';
import { requireSafeToTakeDown } from '../shared-steps/rolling';
import { desiredStateOf, presentWish, type ServerWish } from '../shared-steps/server-desired-state';
import { serverOfItem } from '../shared-steps/server-of-item';
import { isAsAsked } from '../shared-steps/server-runs';

const stoppedWish = (step: Step): ServerWish => ({ ...presentWish(step, serverOfItem(step)), running: false });

/** Nothing is taken down unless that is safe now. Asked again while it is down, it asks for nothing new. */
export async function stopServer(step: Step) {
  const { agents, cluster, signal } = step;
  const wish = stoppedWish(step);
  const [agent, desired] = await Promise.all([agents.find(cluster.id, wish.server.vmId), desiredStateOf(step, wish)]);
  if ((await agent.state(signal)).desiredHash !== desired.hash) {
    await requireSafeToTakeDown(step, wish.server);
    await agent.applyDesiredState(desired, signal);
  }
  return done({ hash: desired.hash });
}

/** Done when the agent says that Consul has ended. */
export async function serverIsStopped(step: Step) {
  const wish = stoppedWish(step);
  const safe = () => requireSafeToTakeDown(step, wish.server);
  return (await isAsAsked(step, wish, step.outputOf(stopServer).hash, safe))
    ? done()
    : waitFor(`Consul is stopping on ${wish.server.name}`, SERVER_LOOK);
}
