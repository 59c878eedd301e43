import { ArmError } from '../arm-error';
import { asJsonObject, asText, type JsonObject } from '../json';
import { parseResourceId, sameId } from '../resource-id';
import { type Principal } from '../principal';
import { type PipelineParts } from './pipeline-parts';

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action';

const isIdentity = (fullType: string): boolean => fullType.toLowerCase() === 'microsoft.managedidentity/userassignedidentities';

/**
 * The `identity` of a resource with principal and client ids of the user-assigned identities that it names. Throws when one
 * does not exist or the caller may not assign it.
 */
export async function resolveIdentity(
  identity: JsonObject | undefined,
  before: JsonObject | undefined,
  caller: Principal,
  { resources, access }: PipelineParts,
): Promise<JsonObject | undefined> {
  if (identity === undefined) return before;
  const type = asText(identity['type'], 'None');
  if (type === 'None') return undefined;
  if (type !== 'UserAssigned') {
    throw new ArmError(
      400,
      'InvalidIdentityType',
      `The identity type '${type}' is not supported. Supported types are 'UserAssigned' and 'None'.`,
    );
  }
  const resolved: JsonObject = {};
  for (const [identityId, value] of Object.entries(asJsonObject(identity['userAssignedIdentities']))) {
    if (value === null) continue;
    const id = parseResourceId(identityId);
    const found = isIdentity(id.fullType) ? await resources.find(id) : undefined;
    if (!found) {
      const message = `The client request contains an identity '${identityId}' that could not be found.`;
      throw new ArmError(400, 'FailedIdentityOperation', `Identity operation for resource failed with error: '${message}'`);
    }
    const isNew = !Object.keys(asJsonObject(before?.['userAssignedIdentities'])).some((one) => sameId(one, identityId));
    if (isNew && !access.allows(caller, ASSIGN, id.id)) throw linkedAuthorizationFailed(caller, identityId);
    resolved[identityId] = { principalId: found.properties['principalId'], clientId: found.properties['clientId'] };
  }
  return { type, userAssignedIdentities: resolved };
}

function linkedAuthorizationFailed(caller: Principal, linkedScope: string): ArmError {
  const message = `The client '${caller.displayName}' with object id '${caller.objectId}' has permission to perform the write on the resource; however, it does not have permission to perform action '${ASSIGN}' on the linked scope(s) '${linkedScope}' or the linked scope(s) are invalid.`;
  return new ArmError(403, 'LinkedAuthorizationFailed', message);
}
