import { randomUUID } from 'node:crypto';
import { ArmError } from '../arm/arm-error';
import { asText } from '../arm/json';
import { type Platform, type ResourceProvider } from '../arm/resource-provider';
import { type ResourceType, type ResourceWrite } from '../arm/resource-type';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}$/;

type IdentityPlatform = Pick<Platform, 'tenants' | 'directory'>;

/**
 * `Microsoft.ManagedIdentity/userAssignedIdentities`: an identity is a service principal in the subscription's tenant whose
 * tokens only the machines that carry it can get.
 */
export const managedIdentityProvider = (platform: IdentityPlatform): ResourceProvider => ({
  namespace: 'Microsoft.ManagedIdentity',
  types: [userAssignedIdentities(platform)],
});

const userAssignedIdentities = ({ tenants, directory }: IdentityPlatform): ResourceType => ({
  namespace: 'Microsoft.ManagedIdentity',
  type: 'userAssignedIdentities',
  apiVersions: ['2024-11-30', '2023-01-31', '2018-11-30'],

  validate({ id }: ResourceWrite) {
    if (NAME.test(id.name)) return;
    const message = `The resource name '${id.name}' is invalid: 3 to 128 letters, digits, '-' and '_', first a letter or digit.`;
    throw new ArmError(400, 'InvalidResourceName', message);
  },

  // Principal and client id stay those of the first PUT: a repeated PUT must not make a new identity.
  draft({ id, existing }: ResourceWrite) {
    const known = existing?.properties;
    const tenantId = tenants.ofSubscription(id.subscriptionId ?? '');
    const objectId = asText(known?.['principalId'], randomUUID());
    const applicationId = asText(known?.['clientId'], randomUUID());
    directory.putServicePrincipal({
      objectId,
      applicationId,
      tenantId,
      displayName: id.name,
      identityResourceId: existing?.id ?? id.id,
    });
    return { properties: { tenantId, principalId: objectId, clientId: applicationId } };
  },

  onDeleted({ properties }) {
    directory.removeServicePrincipal(String(properties['principalId']));
  },
});
