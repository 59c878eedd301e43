import { createHash } from 'node:crypto';
import { idOf, type TemplateResource } from './cluster-network';
import { PART_TYPES, RESOURCE_TYPES, SNAPSHOTS_CONTAINER, type ClusterNames } from './names';
import { API_VERSIONS } from './resources';

/** Azure's built-in role "Storage Blob Data Contributor": blobs, and the key that links are signed with. */
const BLOB_CONTRIBUTOR = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';

/** What the storage of a cluster's snapshots is made from. */
export interface StorageDescription {
  id: string;
  region: string;
  availabilityZones: boolean;
  names: ClusterNames;
  tags: Readonly<Record<string, string>>;
  servicePrincipalId: string;
  acrossTenants: boolean;
}

/**
 * Reached from everywhere and by nobody without an Entra token or a link signed with one: no shared keys, no anonymous
 * reading. Links must work for the customer, and old snapshots must go when the cluster's network is gone already.
 */
const account = ({ names, region, tags, availabilityZones }: StorageDescription): TemplateResource => ({
  type: RESOURCE_TYPES.storageAccount,
  apiVersion: API_VERSIONS[RESOURCE_TYPES.storageAccount] ?? '',
  name: names.storageAccount,
  location: region,
  tags,
  kind: 'StorageV2',
  sku: { name: availabilityZones ? 'Standard_ZRS' : 'Standard_LRS' },
  properties: {
    accessTier: 'Hot',
    supportsHttpsTrafficOnly: true,
    minimumTlsVersion: 'TLS1_2',
    allowBlobPublicAccess: false,
    allowSharedKeyAccess: false,
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices', virtualNetworkRules: [], ipRules: [] },
  },
});

const container = ({ names }: StorageDescription): TemplateResource => ({
  type: PART_TYPES.blobContainer,
  apiVersion: API_VERSIONS[PART_TYPES.blobContainer] ?? '',
  name: `${names.storageAccount}/default/${SNAPSHOTS_CONTAINER}`,
  dependsOn: [idOf(RESOURCE_TYPES.storageAccount, names.storageAccount)],
  properties: { publicAccess: 'None' },
});

/** A GUID that is the same for the same words: Azure wants one as the name of a role assignment. */
function guidOf(...words: readonly string[]): string {
  const hash = createHash('sha256').update(words.join('\n')).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

interface Grant {
  /** Who, as a word of ours that stays the same. */
  who: string;
  /** Object id, or an expression that gives it. */
  principalId: string;
  dependsOn: readonly string[];
  /** Azure wants to know this of an identity of the customer's tenant when the service, from another, gives it a role. */
  identityId?: string;
}

const grant = ({ id, names }: StorageDescription, { who, principalId, dependsOn, identityId }: Grant): TemplateResource => ({
  type: PART_TYPES.roleAssignment,
  apiVersion: API_VERSIONS[PART_TYPES.roleAssignment] ?? '',
  name: guidOf(id, who, BLOB_CONTRIBUTOR),
  scope: `${RESOURCE_TYPES.storageAccount}/${names.storageAccount}`,
  dependsOn: [idOf(RESOURCE_TYPES.storageAccount, names.storageAccount), ...dependsOn],
  properties: {
    roleDefinitionId: `[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '${BLOB_CONTRIBUTOR}')]`,
    principalId,
    principalType: 'ServicePrincipal',
    ...(identityId ? { delegatedManagedIdentityResourceId: identityId } : {}),
  },
});

/** Storage account, container, and who may work with it: the servers write snapshots, the service links and removes them. */
export function snapshotStorage(description: StorageDescription): TemplateResource[] {
  const identityId = idOf(RESOURCE_TYPES.identity, description.names.identity);
  const identity = `resourceId('${RESOURCE_TYPES.identity}', '${description.names.identity}')`;
  const apiVersion = API_VERSIONS[RESOURCE_TYPES.identity] ?? '';
  return [
    account(description),
    container(description),
    grant(description, {
      who: 'servers',
      principalId: `[reference(${identity}, '${apiVersion}').principalId]`,
      dependsOn: [identityId],
      ...(description.acrossTenants ? { identityId } : {}),
    }),
    grant(description, { who: 'service', principalId: description.servicePrincipalId, dependsOn: [] }),
  ];
}
