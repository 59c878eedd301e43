import { ArmError } from '../arm/arm-error';
import { type IssuedToken, type TokenIssuer } from '../arm/resource-provider';
import { type Principal } from '../arm/principal';
import { type ResourceStore } from '../arm/resource-store';
import { type AccessTokens } from './access-tokens';
import { type Directory } from './directory';

/** Azure gives managed identities tokens for a day, since nobody can take one back anyway. */
const LIFETIME_SECONDS = 86_400;

/** Tokens for the emulator's own services: of managed identities, and the check of what clients bring. */
export class ServiceTokens implements TokenIssuer {
  readonly #tokens: AccessTokens;
  readonly #directory: Directory;
  readonly #resources: ResourceStore;

  constructor(tokens: AccessTokens, directory: Directory, resources: ResourceStore) {
    this.#tokens = tokens;
    this.#directory = directory;
    this.#resources = resources;
  }

  async issueForManagedIdentity({
    identityResourceId,
    audience,
  }: {
    identityResourceId: string;
    audience: string;
  }): Promise<IssuedToken> {
    const identity = this.#resources.findRow(identityResourceId);
    if (!identity) throw new ArmError(400, 'invalid_request', 'Identity not found');
    const { tenantId, principalId, clientId } = identity.properties;
    const found = this.#directory.findAudience(audience);
    if (!found) {
      const message = `AADSTS500011: The resource principal named ${audience} was not found in the tenant named ${String(tenantId)}.`;
      throw new ArmError(400, 'invalid_resource', message);
    }
    const servicePrincipal = {
      objectId: String(principalId),
      applicationId: String(clientId),
      tenantId: String(tenantId),
      displayName: identity.name,
      identityResourceId: identity.id,
    };
    return this.#tokens.issue({ servicePrincipal }, String(tenantId), found, LIFETIME_SECONDS);
  }

  verify(token: string, audiences: readonly string[]): Promise<Principal> {
    return this.#tokens.verify(token, audiences);
  }
}
