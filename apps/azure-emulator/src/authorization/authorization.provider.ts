import { ArmError } from '../arm/arm-error';
import { type DenyAssignmentRequest, type DenyAssignments, type ResourceProvider } from '../arm/resource-provider';
import { idKey, type ResourceId } from '../arm/resource-id';
import { newEtag, type ResourceStore } from '../arm/resource-store';
import { type StoredResource } from '../arm/resource';
import { type ResourceType } from '../arm/resource-type';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type Directory } from '../entra/directory';
import { DENY_ASSIGNMENTS, EVERYONE } from './access-control';
import { BUILT_IN_ROLES, findRole, type RoleDefinition } from './built-in-roles';
import { LOCKS } from './locks';
import { assignmentsAround, readAssignmentFilter, roleAssignmentType } from './role-assignments';

/** `Microsoft.Authorization`: who may do what, and what nobody may do. */
export const authorizationProvider = (resources: ResourceStore, directory: Directory): ResourceProvider => ({
  namespace: 'Microsoft.Authorization',
  types: [roleAssignmentType(resources, directory), roleDefinitionType, denyAssignmentType(resources), lockType(resources)],
});

const NOBODY = {
  createdBy: '',
  createdByType: '',
  createdAt: '',
  lastModifiedBy: '',
  lastModifiedByType: '',
  lastModifiedAt: '',
};

function toResource(scope: string, role: RoleDefinition): StoredResource {
  const { actions, notActions, dataActions, notDataActions, roleName, description } = role;
  return {
    id: `${scope === '/' ? '' : scope}/providers/Microsoft.Authorization/roleDefinitions/${role.name}`,
    name: role.name,
    type: 'Microsoft.Authorization/roleDefinitions',
    properties: {
      roleName,
      type: 'BuiltInRole',
      description,
      assignableScopes: ['/'],
      permissions: [{ actions, notActions, dataActions, notDataActions }],
    },
    etag: newEtag(),
    systemData: NOBODY,
    hidden: {},
  };
}

const showBare = ({ id, name, type, properties: { provisioningState: _state, ...properties } }: StoredResource) => ({
  id,
  name,
  type,
  properties,
});

/** Azure's built-in roles; roles of one's own cannot be made. */
const roleDefinitionType: ResourceType = {
  namespace: 'Microsoft.Authorization',
  type: 'roleDefinitions',
  apiVersions: ['2022-04-01', '2018-01-01-preview', '2015-07-01'],
  scope: 'extension',
  methods: ['GET'],
  present: showBare,
  collect(scope, query) {
    const filter = query.get('$filter');
    const wanted = /^roleName\s+eq\s+'((?:[^']|'')*)'$/i.exec(filter?.trim() ?? '')?.[1]?.replaceAll("''", "'");
    const isSupported =
      filter === null ||
      wanted !== undefined ||
      /^(atScopeAndBelow|atScope)\(\)$|^type\s+eq\s+'BuiltInRole'$/i.test(filter.trim());
    if (!isSupported) throw new ArmError(400, 'BadRequestFormat', `The filter '${filter}' is not supported.`);
    const roles = BUILT_IN_ROLES.filter(
      ({ roleName }) => wanted === undefined || roleName.toLowerCase() === wanted.toLowerCase(),
    );
    return roles.map((role) => toResource(scope, role));
  },
  source: {
    find({ name, scope }: ResourceId) {
      const role = findRole(name);
      return role && toResource(scope, role);
    },
    list: (scope) => BUILT_IN_ROLES.map((role) => toResource(scope, role)),
  },
};

const denyAssignmentType = (resources: ResourceStore): ResourceType => ({
  namespace: 'Microsoft.Authorization',
  type: 'denyAssignments',
  apiVersions: ['2022-04-01', '2018-07-01-preview'],
  scope: 'extension',
  methods: ['GET'],
  present: showBare,
  collect: (scope, query) =>
    assignmentsAround(resources, DENY_ASSIGNMENTS, scope, {
      ...readAssignmentFilter(query.get('$filter')),
      principalId: undefined,
    }),
});

const LEVELS = ['CanNotDelete', 'ReadOnly'];

const lockType = (resources: ResourceStore): ResourceType => ({
  namespace: 'Microsoft.Authorization',
  type: 'locks',
  apiVersions: ['2020-05-01', '2016-09-01'],
  scope: 'extension',
  methods: ['GET', 'PUT', 'DELETE'],
  collect: (scope) => resources.listByType(LOCKS, scope),
  present: showBare,
  validate({ body }) {
    if (LEVELS.includes(String(body.properties['level']))) return;
    throw new ArmError(
      400,
      'LockLevelInvalid',
      `The lock level '${String(body.properties['level'])}' is not one of ${LEVELS.join(', ')}.`,
    );
  },
});

/** Deny assignments as services make them: system-protected, so that no customer can remove them. */
export class SystemDenyAssignments implements DenyAssignments {
  readonly #resources: ResourceStore;
  readonly #clock: EmulatorClock;

  constructor(resources: ResourceStore, clock: EmulatorClock) {
    this.#resources = resources;
    this.#clock = clock;
  }

  put(request: DenyAssignmentRequest): void {
    const principals =
      request.principals === 'everyone'
        ? [{ id: EVERYONE, type: 'SystemDefined' }]
        : request.principals.map((id) => ({ id: id.toLowerCase(), type: 'ServicePrincipal' }));
    const now = this.#clock.now().toISOString();
    this.#resources.saveRow({
      id: denyAssignmentId(request.scope, request.name),
      name: request.name,
      type: DENY_ASSIGNMENTS,
      properties: {
        denyAssignmentName: request.displayName,
        description: request.description,
        permissions: [{ actions: request.actions, notActions: request.notActions, dataActions: [], notDataActions: [] }],
        scope: request.scope,
        doNotApplyToChildScopes: false,
        principals,
        excludePrincipals: request.excludePrincipals.map((id) => ({ id: id.toLowerCase(), type: 'ServicePrincipal' })),
        isSystemProtected: true,
        createdOn: now,
        updatedOn: now,
      },
      etag: newEtag(),
      systemData: NOBODY,
      hidden: {},
    });
  }

  remove(scope: string, name: string): void {
    this.#resources.removeRow(denyAssignmentId(scope, name));
  }
}

const denyAssignmentId = (scope: string, name: string): string =>
  `${scope}/providers/${DENY_ASSIGNMENTS}/${idKey(name).slice(1)}`;
