import { type ResourceProvider } from '../arm/resource-provider';
import { type ResourceStore } from '../arm/resource-store';
import { type Store } from '../store/store';
import { resourceGroupType } from './resource-groups';
import { tagsType } from './tags';

/** `Microsoft.Resources` but for deployments, which are a provider of their own. */
export const resourcesProvider = (store: Store, resources: ResourceStore): ResourceProvider => ({
  namespace: 'Microsoft.Resources',
  types: [resourceGroupType, tagsType(store, resources)],
});
