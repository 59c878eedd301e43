import { TransientError } from '@managed-consul/errors';
import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOnLeader } from '../shared-steps/consul-access';
import { accessorsInPrimary, findPrimary } from '../shared-steps/primary-cluster';

/** A primary that cannot be asked must not keep its secondary from being deleted. */
const TRIES = 5;

/**
 * Takes away what a secondary may do in its primary. Where the primary stays out of reach the tokens remain, and are worth
 * nothing: their secrets were on the servers that are gone, and are destroyed here next.
 */
export async function leaveFederation(step: Step) {
  const { cluster, agents, secrets, signal, attempt } = step;
  const primary = await findPrimary(step);
  if (!primary || primary.serverRecords.length === 0 || primary.powerState === 'Suspended') return done({ revoked: false });
  try {
    const { accessControl } = await consulOnLeader({ agents, secrets, signal, cluster: primary });
    for (const accessorId of accessorsInPrimary(cluster)) await accessControl.removeToken(accessorId);
    return done({ revoked: true });
  } catch (error) {
    if (error instanceof TransientError && attempt >= TRIES) return done({ revoked: false });
    throw error;
  }
}
