import { ArmError } from '../arm/arm-error';
import { idKey, sameId } from '../arm/resource-id';
import { type ResourceStore } from '../arm/resource-store';
import { shownPart } from '../arm/pipeline/resource-reads';
import { type StoredResource } from '../arm/resource';
import { type ResourceType, type ResourceWrite } from '../arm/resource-type';
import { type Directory } from '../entra/directory';
import { ROLE_ASSIGNMENTS, scopeChain } from './access-control';
import { findRole } from './built-in-roles';

const IDENTITIES = 'Microsoft.ManagedIdentity/userAssignedIdentities';
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What `$filter` of the assignments' lists can say. */
export interface AssignmentFilter {
  readonly principalId: string | undefined;
  /** Nothing from below the scope. */
  readonly atScope: boolean;
}

/** Reads `atScope()`, `principalId eq '…'` and `assignedTo('…')`, joined by `and`. Throws 400 for anything else. */
export function readAssignmentFilter(filter: string | null): AssignmentFilter {
  let rest = (filter ?? '').trim();
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(rest);
    if (!found) return undefined;
    rest = rest.replace(found[0], '');
    return found[1] ?? '';
  };
  const principalId = take(/principalId\s+eq\s+'([^']+)'/i) ?? take(/assignedTo\('([^']+)'\)/i);
  const atScope = take(/atScope\(\)/i) !== undefined;
  if (rest.replace(/\band\b|\s/gi, '') !== '') {
    throw new ArmError(
      400,
      'BadRequestFormat',
      `The filter '${filter ?? ''}' is not supported. Supported are atScope(), principalId eq '{value}' and assignedTo('{value}').`,
    );
  }
  return { principalId: principalId?.toLowerCase(), atScope };
}

/** Assignments of a kind that hold at a scope, from the tenant down, and unless `atScope` those below it. */
export function assignmentsAround(
  resources: ResourceStore,
  fullType: string,
  scope: string,
  { atScope, principalId }: AssignmentFilter,
): StoredResource[] {
  const holding = scopeChain(scope).flatMap((one) => resources.listBelow(`${one}/providers/${fullType}`));
  const below = atScope ? [] : resources.listByType(fullType, scope);
  const unique = new Map([...holding, ...below].map((assignment) => [idKey(assignment.id), assignment]));
  return [...unique.values()].filter(
    ({ properties }) => principalId === undefined || String(properties['principalId']).toLowerCase() === principalId,
  );
}

/** `{scope}/providers/Microsoft.Authorization/roleAssignments/{guid}`. */
export function roleAssignmentType(resources: ResourceStore, directory: Directory): ResourceType {
  return {
    namespace: 'Microsoft.Authorization',
    type: 'roleAssignments',
    apiVersions: ['2022-04-01', '2020-04-01-preview', '2018-09-01-preview', '2015-07-01'],
    scope: 'extension',
    methods: ['GET', 'PUT', 'DELETE'],
    collect: (scope, query) => assignmentsAround(resources, ROLE_ASSIGNMENTS, scope, readAssignmentFilter(query.get('$filter'))),
    validate(write) {
      validateAssignment(write, directory, resources);
      refuseDuplicate(write, resources);
    },
    draft: (write) => ({ properties: draftAssignment(write, directory) }),
    present(resource) {
      const shown = shownPart(resource);
      const { provisioningState: _state, ...properties } = resource.properties;
      return { id: shown['id'], name: shown['name'], type: shown['type'], properties };
    },
  };
}

/** From another tenant a role can be given to a managed identity that the request names as a resource. */
function isDelegatedIdentity({ body }: ResourceWrite, resources: ResourceStore): boolean {
  const { delegatedManagedIdentityResourceId: identityId, principalId } = body.properties;
  if (typeof identityId !== 'string') return false;
  const identity = resources.listByType(IDENTITIES, '/').find((one) => sameId(one.id, identityId));
  return String(identity?.properties['principalId']).toLowerCase() === String(principalId).toLowerCase();
}

function validateAssignment(write: ResourceWrite, directory: Directory, resources: ResourceStore): void {
  const { id, body, existing, caller } = write;
  const { roleDefinitionId, principalId } = body.properties;
  if (!GUID.test(id.name))
    throw new ArmError(
      400,
      'InvalidRoleAssignmentId',
      `The role assignment ID '${id.name}' is not valid. The role assignment ID must be a GUID.`,
    );
  if (typeof roleDefinitionId !== 'string' || typeof principalId !== 'string') {
    throw new ArmError(
      400,
      'InvalidCreateRoleAssignmentRequest',
      'The request to create role assignment needs roleDefinitionId and principalId.',
    );
  }
  if (!findRole(roleDefinitionId)) {
    throw new ArmError(
      400,
      'RoleDefinitionDoesNotExist',
      `The specified role definition with ID '${roleDefinitionId.split('/').at(-1) ?? ''}' does not exist.`,
    );
  }
  // Services may let in principals of another tenant (managed applications do); customers may not.
  const principal = directory.findPrincipal(principalId);
  if (caller.type !== 'System' && principal?.tenantId !== caller.tenantId && !isDelegatedIdentity(write, resources)) {
    const message = `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${caller.tenantId}. Check that you have the correct principal ID.`;
    throw new ArmError(400, 'PrincipalNotFound', message);
  }
  if (!existing) return;
  const isSame =
    String(existing.properties['principalId']).toLowerCase() === principalId.toLowerCase() &&
    findRole(String(existing.properties['roleDefinitionId'])) === findRole(roleDefinitionId);
  if (!isSame) {
    throw new ArmError(
      400,
      'RoleAssignmentUpdateNotPermitted',
      'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
    );
  }
}

function refuseDuplicate({ id, body }: ResourceWrite, resources: ResourceStore): void {
  const principalId = String(body.properties['principalId']).toLowerCase();
  const role = findRole(String(body.properties['roleDefinitionId']));
  const here = resources.listBelow(`${id.scope === '/' ? '' : id.scope}/providers/${ROLE_ASSIGNMENTS}`);
  const twin = here.find(
    ({ id: otherId, properties }) =>
      !sameId(otherId, id.id) &&
      String(properties['principalId']).toLowerCase() === principalId &&
      findRole(String(properties['roleDefinitionId'])) === role,
  );
  if (twin)
    throw new ArmError(
      409,
      'RoleAssignmentExists',
      `The role assignment already exists. The ID of the existing role assignment is ${twin.name}.`,
    );
}

function draftAssignment({ id, body, existing, caller }: ResourceWrite, directory: Directory) {
  const principalId = String(body.properties['principalId']).toLowerCase();
  const before = existing?.properties;
  return {
    roleDefinitionId: body.properties['roleDefinitionId'],
    principalId,
    principalType: directory.findPrincipal(principalId)?.type ?? body.properties['principalType'] ?? 'ServicePrincipal',
    scope: id.scope,
    condition: null,
    conditionVersion: null,
    description: body.properties['description'] ?? null,
    createdBy: before?.['createdBy'] ?? caller.objectId,
    updatedBy: caller.objectId,
    delegatedManagedIdentityResourceId: body.properties['delegatedManagedIdentityResourceId'] ?? null,
  };
}
