import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemPrincipal } from '../arm/principal';
import { type SystemData } from '../arm/resource';
import { type ResourceAccess, type ResourceGroups } from '../arm/resource-provider';
import { newEtag } from '../arm/resource-store';
import { findRoleByName } from '../authorization/built-in-roles';
import { ROLE_ASSIGNMENTS } from '../authorization/access-control';
import { type Directory } from '../entra/directory';
import { type Subscriptions } from '../resources/subscriptions';
import { seedSchema, type Seed } from './seed.schema';

export interface SeedTargets {
  readonly directory: Directory;
  readonly subscriptions: Subscriptions;
  readonly resourceGroups: ResourceGroups;
  readonly resources: ResourceAccess;
}

/** Reads and checks the file. Throws with every problem and its place. */
export function readSeedFile(file: string): Seed {
  const parsed = seedSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  - ${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The seed file ${file} is not usable:\n${problems.join('\n')}`);
}

/** Puts what does not depend on the pipeline; the same seed again changes nothing. */
export async function applySeed(seed: Seed, { directory, subscriptions, resourceGroups, resources }: SeedTargets): Promise<void> {
  for (const tenant of seed.tenants) directory.putTenant(tenant);
  for (const application of seed.applications) directory.putApplication(application);
  for (const servicePrincipal of seed.servicePrincipals) directory.putServicePrincipal(servicePrincipal);
  for (const { password, ...user } of seed.users) directory.putUser({ ...user, ...(password === undefined ? {} : { password }) });
  for (const subscription of seed.subscriptions) subscriptions.put(subscription);
  for (const { subscriptionId, name, location, tags } of seed.resourceGroups) {
    // What somebody changed since must not be undone by a restart.
    if (!resourceGroups.find(subscriptionId, name)) resourceGroups.put(subscriptionId, name, { location, tags });
  }
  for (const assignment of seed.roleAssignments) await putRoleAssignment(assignment, resources);
  for (const cluster of seed.managedClusters) await putManagedCluster(cluster, resources);
}

/** A cluster that is there already stays as it is. */
async function putManagedCluster(
  { subscriptionId, resourceGroup, name, location, properties }: Seed['managedClusters'][number],
  resources: ResourceAccess,
): Promise<void> {
  const type = 'Microsoft.ContainerService/managedClusters';
  const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${type}/${name}`;
  if (await resources.get(id)) return;
  const state = { provisioningState: 'Succeeded', powerState: { code: 'Running' } };
  resources.save({
    id,
    name,
    type,
    location,
    properties: { ...state, ...properties },
    hidden: {},
    etag: newEtag(),
    systemData: seeded,
  });
}

const seeded: SystemData = {
  createdBy: 'seed',
  createdByType: 'Application',
  createdAt: '2020-01-01T00:00:00.000Z',
  lastModifiedBy: 'seed',
  lastModifiedByType: 'Application',
  lastModifiedAt: '2020-01-01T00:00:00.000Z',
};

/** Puts what goes through the pipeline of other services; call when those have started. */
export async function applyApplicationDefinitions(seed: Seed, { resources }: Pick<SeedTargets, 'resources'>): Promise<void> {
  for (const { id, location, properties, tags, plan } of seed.applicationDefinitions) {
    await resources.put(id, { location, properties, ...(tags ? { tags } : {}), ...(plan ? { plan } : {}) }, systemPrincipal);
  }
}

async function putRoleAssignment(
  { scope, role, principalId }: Seed['roleAssignments'][number],
  resources: ResourceAccess,
): Promise<void> {
  const definition = findRoleByName(role);
  if (!definition) throw new Error(`The seed assigns the role '${role}', which is no built-in role.`);
  const base = scope === '/' ? '' : scope;
  const isThere = resources
    .listByType(ROLE_ASSIGNMENTS, `${base}/providers/${ROLE_ASSIGNMENTS}`)
    .some(
      ({ properties }) =>
        properties['principalId'] === principalId && String(properties['roleDefinitionId']).endsWith(definition.name),
    );
  if (isThere) return;
  const name = nameFor(`${base}|${definition.name}|${principalId}`);
  const roleDefinitionId = `/providers/Microsoft.Authorization/roleDefinitions/${definition.name}`;
  await resources.put(
    `${base}/providers/${ROLE_ASSIGNMENTS}/${name}`,
    { properties: { roleDefinitionId, principalId } },
    systemPrincipal,
  );
}

/** A GUID that is the same for the same assignment. */
function nameFor(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
