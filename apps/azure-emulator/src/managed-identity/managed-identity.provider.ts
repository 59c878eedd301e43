import { randomUUID } from 'node:crypto';
import { ArmError } from '../arm/arm-error';
import { type Platform, type ResourceProvider } from '../arm/resource-provider';
import { type ResourceType, type ResourceWrite } from '../arm/resource-type';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}$/;

/**
 * `Microsoft.ManagedIdentity/userAssignedIdentities`: an identity is a service principal in the subscription's tenant whose
 * tokens only the machines that carry it can get.
 */
export const managedIdentityProvider = ({ tenants }: Pick<Platform, 'tenants'>): ResourceProvider => ({
  namespace: 'Microsoft.ManagedIdentity',
  types: [userAssignedIdentities(tenants)],
});

const userAssignedIdentities = (tenants: Platform['tenants']): ResourceType => ({
  namespace: 'Microsoft.ManagedIdentity',
  type: 'userAssignedIdentities',
  apiVersions: ['2024-11-30', '2023-01-31', '2018-11-30'],

  validate({ id }: ResourceWrite) {
    if (NAME.test(id.name)) return;
    throw new ArmError(
      400,
      'InvalidResourceName',
      `The resource name '${id.name}' is invalid: 3 to 128 letters, digits, '-' and '_', first a letter or digit.`,
    );
  },

  // Principal and client id stay those of the first PUT: a repeated PUT must not make a new identity.
  draft({ id, existing }: ResourceWrite) {
    const known = existing?.properties;
    return {
      properties: {
        tenantId: tenants.ofSubscription(id.subscriptionId ?? ''),
        principalId: known?.['principalId'] ?? randomUUID(),
        clientId: known?.['clientId'] ?? randomUUID(),
      },
    };
  },
});
