/** What a role lets its holder do; patterns with `*`. */
export interface RolePermissions {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
  readonly notDataActions: readonly string[];
}

export interface RoleDefinition extends RolePermissions {
  readonly name: string;
  readonly roleName: string;
  readonly description: string;
}

const role = (name: string, roleName: string, description: string, permissions: Partial<RolePermissions>): RoleDefinition => ({
  name,
  roleName,
  description,
  actions: [],
  notActions: [],
  dataActions: [],
  notDataActions: [],
  ...permissions,
});

const READ_ROLES_AND_GROUPS = ['Microsoft.Authorization/*/read', 'Microsoft.Resources/subscriptions/resourceGroups/read'];
const DEPLOY = [...READ_ROLES_AND_GROUPS, 'Microsoft.Resources/deployments/*'];
const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers';

/** Azure's built-in roles, by the GUIDs that they have in every tenant; permissions as far as the emulator has the services. */
export const BUILT_IN_ROLES: readonly RoleDefinition[] = [
  role('8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', 'Full access, including assigning roles.', { actions: ['*'] }),
  role('b24988ac-6180-42a0-ab88-20f7382dd24c', 'Contributor', 'Full access, but for roles and locks.', {
    actions: ['*'],
    notActions: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
    ],
  }),
  role('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', 'Sees everything, changes nothing.', { actions: ['*/read'] }),
  role('18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', 'User Access Administrator', 'Manages who has access.', {
    actions: ['*/read', 'Microsoft.Authorization/*'],
  }),
  role('f58310d9-a9f6-439a-9e8d-f62e7b41a168', 'Role Based Access Control Administrator', 'Assigns roles.', {
    actions: ['*/read', 'Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete'],
  }),
  role('641177b8-a67a-45b9-a033-47bc880bb21e', 'Managed Application Contributor Role', 'Makes managed applications.', {
    actions: [
      '*/read',
      'Microsoft.Solutions/applications/*',
      'Microsoft.Solutions/register/action',
      'Microsoft.Resources/deployments/*',
    ],
  }),
  role('c7393b34-138c-406f-901b-d8cf2b17e6ae', 'Managed Application Operator Role', 'Reads and acts on managed applications.', {
    actions: ['*/read', 'Microsoft.Solutions/applications/read', 'Microsoft.Solutions/*/action'],
  }),
  role('b9331d33-8a36-4f8c-b097-4f54124fdb44', 'Managed Applications Reader', 'Reads resources in a managed application.', {
    actions: ['*/read', 'Microsoft.Resources/deployments/*', 'Microsoft.Solutions/jitRequests/*'],
  }),
  role('e40ec5ca-96e0-45a2-b4ff-59039f2c2b59', 'Managed Identity Contributor', 'Makes user-assigned identities.', {
    actions: ['Microsoft.ManagedIdentity/userAssignedIdentities/*', ...DEPLOY],
  }),
  role('f1a07417-d97a-45cb-824c-7a7467783830', 'Managed Identity Operator', 'Reads and assigns user-assigned identities.', {
    actions: [
      'Microsoft.ManagedIdentity/userAssignedIdentities/*/read',
      'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
      ...DEPLOY,
    ],
  }),
  role('9980e02c-c2be-4d73-94e8-173b1dc7cf3c', 'Virtual Machine Contributor', 'Manages machines, not the network they are in.', {
    actions: [
      'Microsoft.Compute/virtualMachines/*',
      'Microsoft.Compute/virtualMachineScaleSets/*',
      'Microsoft.Network/virtualNetworks/read',
      'Microsoft.Network/virtualNetworks/subnets/join/action',
      'Microsoft.Network/networkSecurityGroups/join/action',
      'Microsoft.Network/loadBalancers/backendAddressPools/join/action',
      ...DEPLOY,
    ],
  }),
  role('4d97b98b-1d4f-4787-a291-c67834d212e7', 'Network Contributor', 'Manages networks.', {
    actions: ['Microsoft.Network/*', ...DEPLOY],
  }),
  role('17d1049b-9a84-46fb-8f53-869881c3d3ab', 'Storage Account Contributor', 'Manages storage accounts.', {
    actions: ['Microsoft.Storage/storageAccounts/*', ...DEPLOY],
  }),
  role('b7e6dc6d-f1e8-4753-8033-0f276bb0955b', 'Storage Blob Data Owner', 'Full access to blobs.', {
    actions: [`${BLOBS}/*`, 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'],
    dataActions: [`${BLOBS}/blobs/*`],
  }),
  role('ba92f5b4-2d11-453d-a403-e96b0029c9fe', 'Storage Blob Data Contributor', 'Reads, writes and deletes blobs.', {
    actions: [
      `${BLOBS}/delete`,
      `${BLOBS}/read`,
      `${BLOBS}/write`,
      'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action',
    ],
    dataActions: [
      `${BLOBS}/blobs/delete`,
      `${BLOBS}/blobs/read`,
      `${BLOBS}/blobs/write`,
      `${BLOBS}/blobs/move/action`,
      `${BLOBS}/blobs/add/action`,
    ],
  }),
  role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader', 'Reads blobs.', {
    actions: [`${BLOBS}/read`, 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'],
    dataActions: [`${BLOBS}/blobs/read`],
  }),
];

const BY_NAME = new Map(BUILT_IN_ROLES.map((one) => [one.name, one]));

/** The role whose GUID ends `roleDefinitionId` (`/providers/Microsoft.Authorization/roleDefinitions/{guid}`, at any scope). */
export const findRole = (roleDefinitionId: string): RoleDefinition | undefined =>
  BY_NAME.get(roleDefinitionId.split('/').at(-1)?.toLowerCase() ?? '');

/** By GUID or by display name, as people write it. */
export const findRoleByName = (nameOrGuid: string): RoleDefinition | undefined =>
  BY_NAME.get(nameOrGuid.toLowerCase()) ?? BUILT_IN_ROLES.find((one) => one.roleName.toLowerCase() === nameOrGuid.toLowerCase());

const patterns = new Map<string, RegExp>();

/** Whether `action` fits `pattern`; `*` stands for anything, slashes too, and case does not count. */
export function matchesAction(pattern: string, action: string): boolean {
  let compiled = patterns.get(pattern);
  if (!compiled) {
    compiled = new RegExp(
      `^${pattern
        .split('*')
        .map((part) => part.replace(/[.\\/]/g, '\\$&'))
        .join('.*')}$`,
      'i',
    );
    patterns.set(pattern, compiled);
  }
  return compiled.test(action);
}
