import { ArmError } from '../arm/arm-error';
import { idKey } from '../arm/resource-id';
import { type Principal } from '../arm/principal';
import { type StoredResource } from '../arm/resource';
import { type ResourceStore } from '../arm/resource-store';
import { findRole, matchesAction, type RolePermissions } from './built-in-roles';

export type ActionPlane = 'control' | 'data';

export const ROLE_ASSIGNMENTS = 'Microsoft.Authorization/roleAssignments';
export const DENY_ASSIGNMENTS = 'Microsoft.Authorization/denyAssignments';
/** Object id that stands for everybody in a deny assignment. */
export const EVERYONE = '00000000-0000-0000-0000-000000000000';

/** The scopes whose assignments hold at `scope`, from the tenant down to `scope` itself, as keys (`''` is the tenant). */
export function scopeChain(scope: string): string[] {
  const segments = idKey(scope).split('/').filter(Boolean);
  const chain = [''];
  // After `providers/{namespace}` come pairs of type and name; before it, pairs of word and name.
  let index = 0;
  while (index < segments.length) {
    index += segments[index] === 'providers' ? 4 : 2;
    chain.push(`/${segments.slice(0, index).join('/')}`);
  }
  return chain;
}

const allows = (role: RolePermissions, action: string, plane: ActionPlane): boolean => {
  const [yes, no] = plane === 'control' ? [role.actions, role.notActions] : [role.dataActions, role.notDataActions];
  return yes.some((pattern) => matchesAction(pattern, action)) && !no.some((pattern) => matchesAction(pattern, action));
};

interface DenyPermissions {
  actions?: string[];
  notActions?: string[];
  dataActions?: string[];
  notDataActions?: string[];
}

/** Decides every call by role assignments and deny assignments, as they stand at that moment. */
export class AccessControl {
  readonly #resources: ResourceStore;

  constructor(resources: ResourceStore) {
    this.#resources = resources;
  }

  /** Throws `AuthorizationFailed` or `DenyAssignmentAuthorizationFailed` (403). */
  require(principal: Principal, action: string, scope: string): void {
    if (principal.type === 'System') return;
    const who = `The client '${principal.displayName}' with object id '${principal.objectId}'`;
    if (!this.#hasRole(principal, action, scope, 'control')) {
      const message = `${who} does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`;
      throw new ArmError(403, 'AuthorizationFailed', message);
    }
    const denied = this.#findDenial(principal, action, scope, 'control');
    if (!denied) return;
    const name = String(denied.properties['denyAssignmentName']);
    const message = `${who} has permission to perform action '${action}' on scope '${scope}'; however, the access is denied because of the deny assignment with name '${name}' and Id '${denied.name}' at scope '${String(denied.properties['scope'])}'.`;
    throw new ArmError(403, 'DenyAssignmentAuthorizationFailed', message);
  }

  allows(principal: Principal, action: string, scope: string, plane: ActionPlane = 'control'): boolean {
    if (principal.type === 'System') return true;
    return this.#hasRole(principal, action, scope, plane) && this.#findDenial(principal, action, scope, plane) === undefined;
  }

  /** Whether the principal holds any role at or below a subscription: it may then see that the subscription exists. */
  holdsRoleWithin(principal: Principal, scope: string): boolean {
    if (principal.type === 'System') return true;
    const isHolder = (assignment: StoredResource): boolean => principalOf(assignment) === principal.objectId;
    return (
      this.#at(scopeChain(scope), ROLE_ASSIGNMENTS).some(isHolder) ||
      this.#resources.listByType(ROLE_ASSIGNMENTS, scope).some(isHolder)
    );
  }

  #hasRole(principal: Principal, action: string, scope: string, plane: ActionPlane): boolean {
    return this.#at(scopeChain(scope), ROLE_ASSIGNMENTS).some((assignment) => {
      if (principalOf(assignment) !== principal.objectId) return false;
      const role = findRole(String(assignment.properties['roleDefinitionId']));
      return role !== undefined && allows(role, action, plane);
    });
  }

  #findDenial(principal: Principal, action: string, scope: string, plane: ActionPlane): StoredResource | undefined {
    return this.#at(scopeChain(scope), DENY_ASSIGNMENTS).find(({ properties }) => {
      const names = (list: unknown): string[] => (list as { id: string }[]).map(({ id }) => id.toLowerCase());
      const principals = names(properties['principals']);
      const isMeant = principals.includes(EVERYONE) || principals.includes(principal.objectId);
      if (!isMeant || names(properties['excludePrincipals']).includes(principal.objectId)) return false;
      return (properties['permissions'] as DenyPermissions[]).some((permission) =>
        allows({ actions: [], notActions: [], dataActions: [], notDataActions: [], ...permission }, action, plane),
      );
    });
  }

  #at(scopes: readonly string[], fullType: string): StoredResource[] {
    return scopes.flatMap((scope) => this.#resources.listBelow(`${scope}/providers/${fullType}`));
  }
}

const principalOf = (assignment: StoredResource): string => String(assignment.properties['principalId']).toLowerCase();
