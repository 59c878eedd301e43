import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { beginRestore, reapplyAutopilot, reapplyNames, reissueServerTokens } from './restoring.steps';
import { recordTokensBefore, revokeAgain } from './tokens.steps';

/** Whether the failed operation may have changed the cluster's state. A cluster that is being deleted needs no repair. */
export const needsRepair = (step: Step): boolean =>
  step.findOutputOf(beginRestore) !== undefined && step.cluster.provisioningState !== 'Deleting';

/** A failure must not leave tokens valid that someone revoked. */
export async function revokeReturnedTokensAfterFailure(step: Step) {
  const before = step.findOutputOf(recordTokensBefore);
  if (needsRepair(step) && before)
    await revokeAgain(
      step,
      before.revokedSince.map(({ accessorId }) => accessorId),
    );
  return done();
}

/** The servers keep their rights, so that the next operation finds a cluster that it can work on. */
export async function reissueServerTokensAfterFailure(step: Step) {
  return needsRepair(step) ? reissueServerTokens(step) : done();
}

export async function reapplySettingsAfterFailure(step: Step) {
  if (!needsRepair(step)) return done();
  await reapplyNames(step);
  await reapplyAutopilot(step);
  return done();
}
