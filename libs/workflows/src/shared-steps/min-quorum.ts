import type { Step } from '../services';
import { consulOnLeader } from './consul-access';

/**
 * Below this many servers autopilot removes no dead one by itself: the intended number (C4). Raised when all are there, lowered
 * before the first goes.
 */
export async function setMinQuorum(step: Step, servers: number): Promise<void> {
  const { operator } = await consulOnLeader(step);
  await operator.changeAutopilot({ MinQuorum: servers });
}

/** Lowers it to `servers` and never raises it. */
export async function lowerMinQuorum(step: Step, servers: number): Promise<void> {
  const { operator } = await consulOnLeader(step);
  const { MinQuorum } = await operator.autopilotConfiguration();
  if (MinQuorum > servers) await operator.changeAutopilot({ MinQuorum: servers });
}
