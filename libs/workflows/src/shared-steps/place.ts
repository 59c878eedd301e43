import type { AzureSubscription, ResourceGroupFacts } from '@managed-consul/azure';
import { INSTALLATION_TAG } from '@managed-consul/azure';
import type { Installation } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { Services } from '../services';

/** Where the Azure resources of a cluster are. */
export interface Place {
  subscription: AzureSubscription;
  subscriptionId: string;
  resourceGroup: string;
}

export function placeOf({ azure, cluster }: Pick<Services, 'azure' | 'cluster'>): Place {
  const { subscriptionId, resourceGroup } = cluster.installation;
  return { subscription: azure.inSubscription(subscriptionId), subscriptionId, resourceGroup };
}

/** Whether Azure says that the service manages this group for this installation: by its owner, or by its tag. */
export function groupIsManagedBy(installation: Installation, group: ResourceGroupFacts): boolean {
  switch (installation.kind) {
    case 'ManagedApplication':
      return group.managedBy !== undefined && group.managedBy === installation.applicationId?.toLowerCase();
    case 'Direct':
      return group.tags[INSTALLATION_TAG] === installation.id;
  }
}

/** The refusal to touch a group that Azure does not say is the installation's. */
export function notOurs({ kind, resourceGroup, id }: Installation): TerminalError {
  const remedy =
    kind === 'Direct'
      ? `Put the tag ${INSTALLATION_TAG} with the value ${id} back on it and try again.`
      : 'It must be the managed resource group of the managed application. Install the application again.';
  const sentence = `Azure does not say that the resource group ${resourceGroup} is managed by this installation, so nothing in it is touched.`;
  return new TerminalError('ResourceGroupNotManaged', `${sentence} ${remedy}`);
}
