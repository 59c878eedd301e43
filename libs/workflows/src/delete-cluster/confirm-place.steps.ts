import type { ResourceGroupFacts } from '@managed-consul/azure';
import { moveProvisioningState } from '@managed-consul/clusters';
import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { groupIsManagedBy, notOurs, placeOf } from '../shared-steps/place';
import { unlessVanished } from '../shared-steps/vanished-application';

/** The group, or undefined when it is gone: by Azure's word, or because it went with its managed application. */
function findGroup(step: Step): Promise<ResourceGroupFacts | undefined> {
  const { subscription, resourceGroup } = placeOf(step);
  return unlessVanished(step, () => subscription.resourceGroups.find(resourceGroup), undefined);
}

/** Nothing is removed before Azure has said that the group is this installation's. A group that is gone needs no removing. */
export async function confirmPlaceMayBeTouched(step: Step) {
  const { cluster } = step;
  const group = await findGroup(step);
  if (group && !groupIsManagedBy(cluster.installation, group)) throw notOurs(cluster.installation);
  return done({ groupExists: group !== undefined }, async (tx) => {
    await moveProvisioningState(tx, cluster.id, 'Deleting');
  });
}
