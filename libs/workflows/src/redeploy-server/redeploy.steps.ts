import { TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { scaleSetOf } from '../shared-steps/machines';
import { requireSafeToTakeDown } from '../shared-steps/rolling';
import { serverOfItem } from '../shared-steps/server-of-item';

/** Since when the server's agent runs, and whether Consul does; undefined while it is silent. */
async function lookAtAgent(step: Step): Promise<{ startedAt: string; consulRuns: boolean } | undefined> {
  const { agents, cluster, signal } = step;
  try {
    const { agent, consul } = await (await agents.find(cluster.id, serverOfItem(step).vmId)).health(signal);
    return { startedAt: agent.startedAt, consulRuns: consul.running };
  } catch (error) {
    if (error instanceof TransientError) return undefined;
    throw error;
  }
}

/** By when its agent began it shows afterwards whether the machine was started anew. Null for a machine that is silent already. */
export async function noteMachine(step: Step) {
  return done({ agentSince: (await lookAtAgent(step))?.startedAt ?? null });
}

const hasRestarted = (step: Step, since: string | undefined): boolean =>
  since !== undefined && since !== step.outputOf(noteMachine).agentSince;

/** Asks Azure for another host, which starts the machine anew with the disk that it has. One that was moved already is left alone. */
export async function startRedeploying(step: Step) {
  const askedAt = step.clock.now().toISOString();
  if (hasRestarted(step, (await lookAtAgent(step))?.startedAt)) return done({ askedAt });
  const server = serverOfItem(step);
  await requireSafeToTakeDown(step, server);
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  await scaleSets.startRedeployingInstance(resourceGroup, scaleSet, server.instanceId, step.signal);
  return done({ askedAt });
}

/** Done when the agent has begun anew and Consul runs. */
export async function machineIsBack(step: Step) {
  const seen = await lookAtAgent(step);
  if (hasRestarted(step, seen?.startedAt) && seen?.consulRuns) return done();
  const { askedAt } = step.outputOf(startRedeploying);
  return waitFor(`Azure is moving the machine of ${serverOfItem(step).name}`, azureLook(askedAt, step.clock.now()));
}
