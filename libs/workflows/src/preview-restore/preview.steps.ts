import type { RestorePreview } from '@managed-consul/snapshots';
import { done } from '@managed-consul/workflow-engine';
import { livingRootTokens } from '../restore-cluster/closing.steps';
import { confirmRestoreIsAllowed, snapshotIsRehearsed } from '../restore-cluster/rehearsal.steps';
import { tokenChangesOf } from '../restore-cluster/tokens.steps';
import type { Step } from '../services';
import { describeTokenChanges } from '../shared-steps/token-comparison';

const ROOT_TOKEN_SENTENCES: Record<RestorePreview['rootToken'], string[]> = {
  None: [],
  KeepsWorking: ['Your root token will keep working.'],
  StopsWorking: ['Your root token was made after the snapshot and will stop working; ask for a new one after the restore.'],
};

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** The answer to the customer. Its name is how `getRestorePreview` finds it. */
export async function recordRestorePreview(step: Step) {
  const { snapshotId, snapshotName } = step.outputOf(confirmRestoreIsAllowed);
  const { keys, services, intentions, tokens } = step.outputOf(snapshotIsRehearsed);
  const changes = await tokenChangesOf(step);
  const living = await livingRootTokens(step);
  const kept = living.filter((accessorId) => tokens.some((token) => token.accessorId === accessorId));
  const rootToken = living.length === 0 ? 'None' : kept.length > 0 ? 'KeepsWorking' : 'StopsWorking';
  const holds = [
    counted(keys, 'key', 'keys'),
    counted(services, 'service', 'services'),
    counted(intentions, 'intention', 'intentions'),
  ];
  const preview: RestorePreview = {
    ...{ snapshotId, keys, services, intentions, rootToken, ...changes },
    sentences: [
      `The snapshot '${snapshotName}' was restored beside a server and is good: ${holds.join(', ')}.`,
      ...describeTokenChanges(changes),
      ...ROOT_TOKEN_SENTENCES[rootToken],
    ],
  };
  return done(preview);
}
