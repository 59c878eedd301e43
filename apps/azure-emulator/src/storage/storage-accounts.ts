import { randomBytes } from 'node:crypto';
import { ArmError } from '../arm/arm-error';
import { asJsonObject, type JsonObject } from '../arm/json';
import { type Platform } from '../arm/resource-provider';
import { shownPart } from '../arm/pipeline/resource-reads';
import { idKey } from '../arm/resource-id';
import { type StoredResource } from '../arm/resource';
import { type ActionRequest, type ResourceType, type ResourceWrite } from '../arm/resource-type';
import { type BlobService } from './blob-service';

export const STORAGE_ACCOUNTS = 'Microsoft.Storage/storageAccounts';

const NAME = /^[a-z0-9]{3,24}$/;
const SKUS = [
  'Standard_LRS',
  'Standard_GRS',
  'Standard_RAGRS',
  'Standard_ZRS',
  'Premium_LRS',
  'Premium_ZRS',
  'Standard_GZRS',
  'Standard_RAGZRS',
];
const KINDS = ['Storage', 'StorageV2', 'BlobStorage', 'FileStorage', 'BlockBlobStorage'];

interface AccountKeys {
  key1: string;
  key2: string;
}

/** Keys as 64 random bytes, like Azure's. */
const newKey = (): string => randomBytes(64).toString('base64');

export const keysOf = (account: StoredResource): AccountKeys => account.hidden['keys'] as AccountKeys;

/** Account names are unique in all of Azure. */
export function findAccount(resources: Platform['resources'], name: string): StoredResource | undefined {
  return resources.listByType(STORAGE_ACCOUNTS, '/').find((account) => account.name === name);
}

export function nameProblem(
  resources: Platform['resources'],
  name: string,
  ownId?: string,
): { reason: 'AccountNameInvalid' | 'AlreadyExists'; message: string } | undefined {
  if (!NAME.test(name)) {
    const message = `${name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.`;
    return { reason: 'AccountNameInvalid', message };
  }
  const taken = findAccount(resources, name);
  if (!taken || (ownId !== undefined && idKey(taken.id) === idKey(ownId))) return undefined;
  return { reason: 'AlreadyExists', message: `The storage account named ${name} is already taken.` };
}

/** `Microsoft.Storage/storageAccounts`: an account's data plane exists as soon as the PUT is answered. */
export function storageAccountType(platform: Platform, blobs: () => BlobService): ResourceType {
  const { resources } = platform;

  const listKeys = ({ resource }: ActionRequest) => {
    const { key1, key2 } = keysOf(resource as StoredResource);
    const keys = Object.entries({ key1, key2 }).map(([keyName, value]) => ({ keyName, value, permissions: 'FULL' }));
    return { status: 200, body: { keys } };
  };

  const regenerateKey = async (request: ActionRequest) => {
    const account = request.resource as StoredResource;
    const keyName = request.body['keyName'];
    if (keyName !== 'key1' && keyName !== 'key2')
      throw new ArmError(400, 'InvalidRequestPropertyValue', `The key name '${String(keyName)}' is not key1 or key2.`);
    const changed = resources.update(account.id, { hidden: { keys: { ...keysOf(account), [keyName]: newKey() } } });
    return listKeys({ ...request, resource: changed });
  };

  return {
    namespace: 'Microsoft.Storage',
    type: 'storageAccounts',
    apiVersions: ['2025-06-01', '2024-01-01', '2023-05-01', '2022-09-01', '2021-09-01'],
    validate: (write) => validate(write, resources),
    draft,
    present: (account) => present(account, blobs()),
    onDeleted: (account) => blobs().deleteAccountData(account.name),
    actions: { listKeys: { kind: 'immediate', run: listKeys }, regenerateKey: { kind: 'immediate', run: regenerateKey } },
  };
}

function validate({ id, body, existing }: ResourceWrite, resources: Platform['resources']): void {
  const problem = nameProblem(resources, id.name, id.id);
  if (problem?.reason === 'AccountNameInvalid') throw new ArmError(400, 'AccountNameInvalid', problem.message);
  if (problem) throw new ArmError(409, 'StorageAccountAlreadyTaken', problem.message);
  const sku = body.sku?.['name'] ?? existing?.sku?.['name'];
  const kind = body.kind ?? existing?.kind ?? 'StorageV2';
  if (!SKUS.includes(String(sku)))
    throw new ArmError(
      400,
      'InvalidRequestPropertyValue',
      `The value '${String(sku)}' is not allowed for property sku.name. Allowed values are ${SKUS.join(', ')}.`,
    );
  if (!KINDS.includes(kind))
    throw new ArmError(
      400,
      'InvalidRequestPropertyValue',
      `The value '${kind}' is not allowed for property kind. Allowed values are ${KINDS.join(', ')}.`,
    );
}

function draft({ body, existing }: ResourceWrite) {
  const sku = asJsonObject(body.sku ?? existing?.sku);
  const properties: JsonObject = {
    supportsHttpsTrafficOnly: true,
    allowBlobPublicAccess: false,
    allowSharedKeyAccess: true,
    minimumTlsVersion: 'TLS1_2',
    accessTier: 'Hot',
    publicNetworkAccess: 'Enabled',
    ...existing?.properties,
    ...body.properties,
  };
  return {
    properties,
    hidden: existing?.hidden ?? { keys: { key1: newKey(), key2: newKey() } satisfies AccountKeys },
    envelope: { kind: body.kind ?? existing?.kind ?? 'StorageV2', sku: { ...sku, tier: String(sku['name']).split('_')[0] } },
  };
}

/** Addresses come last, as the port may be another after a restart. */
function present(account: StoredResource, blobs: BlobService): JsonObject {
  return {
    ...shownPart(account),
    properties: {
      ...account.properties,
      primaryLocation: account.location,
      statusOfPrimary: 'available',
      creationTime: account.systemData.createdAt,
      primaryEndpoints: { blob: blobs.endpointOf(account.name) },
      encryption: { keySource: 'Microsoft.Storage', services: { blob: { enabled: true, keyType: 'Account' } } },
    },
  };
}
