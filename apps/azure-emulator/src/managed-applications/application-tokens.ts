import { ArmError } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import type { TokenIssuer } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';

/**
 * Tokens of an application's user-assigned identities, as `listTokens` hands them to the publisher. Throws
 * `ApplicationHasNoIdentity` (400), or 400 for an identity that is not the application's.
 */
export async function listTokens(
  application: StoredResource | undefined,
  body: JsonObject,
  apiVersion: string,
  tokens: TokenIssuer,
): Promise<JsonObject> {
  const own = Object.keys(asJsonObject(application?.identity?.['userAssignedIdentities']));
  if (own.length === 0) {
    throw new ArmError(
      400,
      'ApplicationHasNoIdentity',
      `The application '${application?.id ?? ''}' has no managed identity to give tokens of.`,
    );
  }
  const asked = Array.isArray(body['userAssignedIdentities']) ? body['userAssignedIdentities'].map((one) => textOf(one)) : [];
  const foreign = asked.find((wanted) => !own.some((id) => id.toLowerCase() === wanted.toLowerCase()));
  if (foreign !== undefined) {
    throw new ArmError(400, 'InvalidUserAssignedIdentity', `The identity '${foreign}' is not assigned to the application.`);
  }
  const authorizationAudience = textOf(body['authorizationAudience'], 'https://management.azure.com/');
  const wanted = asked.length > 0 ? asked : own;
  const issued = await Promise.all(
    wanted.map(async (identityResourceId) => {
      const token = await tokens.issueForManagedIdentity({ identityResourceId, audience: authorizationAudience });
      const expiresIn = String(token.expiresOn - token.notBefore);
      const [expiresOn, notBefore] = [String(token.expiresOn), String(token.notBefore)];
      const target = { authorizationAudience, resourceId: identityResourceId };
      // The first version spelled the members as Entra ID does, later ones as the rest of Resource Manager.
      return apiVersion < '2019'
        ? {
            access_token: token.accessToken,
            expires_in: expiresIn,
            expires_on: expiresOn,
            not_before: notBefore,
            ...target,
            token_type: 'Bearer',
          }
        : { accessToken: token.accessToken, expiresIn, expiresOn, notBefore, ...target, tokenType: 'Bearer' };
    }),
  );
  return { value: issued };
}
