/**
 * Azure through its own clients, one file per kind of resource, with the names, the tags and the deployment template of a
 * cluster. Errors leave as `TerminalError` (Azure's code, a sentence for the customer) or `TransientError`. Knows no
 * database, no cluster record and no workflow, and not which Azure answers.
 */
export { openAzure, Azure, AzureSubscription } from './azure';
export type { AzureSettings } from './connection';
export type { DeploymentFacts, DeploymentRequest, ResourceProgress } from './deployments';
export { clusterTemplate, type ClusterDescription, type ClusterTemplate } from './cluster-template';
export { HTTPS_PORT, type TemplateResource } from './cluster-network';
export { findDrift, isCompared } from './drift';
export type { IdentityFacts } from './managed-identities';
export { normaliseApplicationId, type ApplicationFacts } from './managed-applications';
export {
  CLUSTER_TAG,
  clusterNames,
  clusterTags,
  INSTALLATION_TAG,
  OWNER_TAG,
  parseResourceId,
  RESOURCE_TYPES,
  SNAPSHOTS_CONTAINER,
  SNAPSHOTS_TAG,
  resourceGroupId,
  resourceId,
  SUBNET_NAME,
  type ClusterNames,
} from './names';
export type { ResourceGroupFacts } from './resource-groups';
export type { ResourceFacts } from './resources';
export type { InstanceFacts, PowerWord, ScaleSetChange, ScaleSetFacts } from './scale-sets';
export type { StorageAccountFacts } from './storage-accounts';
export type { BlobFacts, BlobPlace } from './snapshot-blobs';
export type { ServicePrincipal } from './service-principal';
export type { SubscriptionFacts } from './subscriptions';
