import { ArmError } from '../arm/arm-error';
import { type Platform } from '../arm/resource-provider';
import { parseResourceId, type ResourceId } from '../arm/resource-id';
import { type StoredResource } from '../arm/resource';
import { type ResourceType } from '../arm/resource-type';
import { type AzuriteContainer } from './azurite.types';
import { type BlobService } from './blob-service';

const NAME = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const API_VERSIONS = ['2025-06-01', '2024-01-01', '2023-05-01', '2022-09-01', '2021-09-01'];
const UNKNOWN = {
  createdBy: '',
  createdByType: '',
  createdAt: '',
  lastModifiedBy: '',
  lastModifiedByType: '',
  lastModifiedAt: '',
};

const bare = ({ id, name, type, properties }: StoredResource) => ({ id, name, type, properties });

/** Id of the account in the id of anything below it. */
const accountIdOf = (id: string): string =>
  id
    .split('/')
    .filter(Boolean)
    .slice(0, 8)
    .reduce((path, segment) => `${path}/${segment}`, '');

const accountNameOf = (id: string): string => id.split('/').filter(Boolean)[7] ?? '';

/** `storageAccounts/{a}/blobServices/default`: every account has it. */
export function blobServiceType({ resources }: Platform): ResourceType {
  const toService = (account: StoredResource): StoredResource => ({
    id: `${account.id}/blobServices/default`,
    name: 'default',
    type: 'Microsoft.Storage/storageAccounts/blobServices',
    properties: { cors: { corsRules: [] }, deleteRetentionPolicy: { enabled: false } },
    etag: account.etag,
    systemData: UNKNOWN,
    hidden: {},
  });
  const find = async (accountId: string): Promise<StoredResource | undefined> => {
    const account = await resources.get(accountId);
    return account && toService(account);
  };
  return {
    namespace: 'Microsoft.Storage',
    type: 'storageAccounts/blobServices',
    apiVersions: API_VERSIONS,
    methods: ['GET'],
    present: bare,
    source: {
      find: ({ id, name }) => (name.toLowerCase() === 'default' ? find(accountIdOf(id)) : undefined),
      list: async (parentId) => [await find(parentId)].filter((one) => one !== undefined),
    },
  };
}

/** Containers as Resource Manager shows them are the blob service's own: made on one side, they are there on the other. */
export function blobContainerType({ resources }: Platform, blobs: () => BlobService): ResourceType {
  const toResource = (serviceId: string, { name, properties }: AzuriteContainer): StoredResource => ({
    id: `${serviceId}/containers/${name}`,
    name,
    type: 'Microsoft.Storage/storageAccounts/blobServices/containers',
    properties: {
      publicAccess: 'None',
      leaseStatus: properties.leaseStatus,
      leaseState: properties.leaseState,
      lastModifiedTime: properties.lastModified,
      hasImmutabilityPolicy: properties.hasImmutabilityPolicy,
      hasLegalHold: properties.hasLegalHold,
    },
    etag: properties.etag,
    systemData: UNKNOWN,
    hidden: {},
  });
  const list = async (serviceId: string): Promise<readonly StoredResource[]> => {
    if (!(await resources.get(accountIdOf(serviceId)))) return [];
    const containers = await blobs().listContainers(accountNameOf(serviceId));
    return containers.map((container) => toResource(serviceId, container));
  };
  const find = async ({ id, name }: ResourceId): Promise<StoredResource | undefined> => {
    const serviceId = id.split('/').slice(0, -2).join('/');
    return (await list(serviceId)).find((container) => container.name === name.toLowerCase());
  };
  return {
    namespace: 'Microsoft.Storage',
    type: 'storageAccounts/blobServices/containers',
    apiVersions: API_VERSIONS,
    present: bare,
    validate({ id }) {
      if (NAME.test(id.name)) return;
      throw new ArmError(
        400,
        'ContainerOperationFailure',
        `The specified resource name '${id.name}' contains invalid characters or has a wrong length.`,
      );
    },
    source: {
      find,
      list,
      async save({ id }) {
        if (!(await find(parseResourceId(id)))) await blobs().createContainer(accountNameOf(id), id.split('/').at(-1) as string);
      },
      remove: ({ id, name }) => blobs().deleteContainer(accountNameOf(id), name),
    },
  };
}
