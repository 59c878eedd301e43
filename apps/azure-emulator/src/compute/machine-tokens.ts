/** Tokens for machines out of the emulated Entra ID. */
import { ArmError } from '../arm/arm-error';
import type { Platform } from '../arm/resource-provider';
import { MachineTokenRefused, type MachineTokenSource } from '../machine';

/** Identities are looked up at every request: one that was deleted meanwhile gives no token. */
export const machineTokens = ({
  resources,
  tokens,
  clock,
}: Pick<Platform, 'resources' | 'tokens' | 'clock'>): MachineTokenSource => ({
  async findIdentity(resourceId) {
    const identity = await resources.get(resourceId);
    if (!identity) return undefined;
    return {
      resourceId: identity.id,
      clientId: String(identity.properties['clientId']),
      principalId: String(identity.properties['principalId']),
    };
  },
  async issueToken(identity, resource) {
    try {
      const token = await tokens.issueForManagedIdentity({ identityResourceId: identity.resourceId, audience: resource });
      const expiresInSeconds = token.expiresOn - Math.floor(clock.now().getTime() / 1000);
      return { accessToken: token.accessToken, notBefore: token.notBefore, expiresOn: token.expiresOn, expiresInSeconds };
    } catch (error) {
      if (error instanceof ArmError) throw new MachineTokenRefused(error.message, { cause: error });
      throw error;
    }
  },
});
