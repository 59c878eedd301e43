import { ApplicationClient } from '@azure/arm-managedapplications';
import { ResourceManagementClient } from '@azure/arm-resources';
import { ClientSecretCredential } from '@azure/identity';
import { azureUrl, type LocalWorld } from '../../infra/local/components';
import { applicationDefinitionId, SAMPLE_REGION } from '../../infra/local/emulator-seed';

/** What a customer does in Azure itself, with Azure's own clients. */
export function customersAzure(world: LocalWorld) {
  const { customer } = world.identities;
  const { subscriptionId } = customer;
  const endpoint = azureUrl(world);
  const credential = new ClientSecretCredential(customer.tenantId, customer.clientId, customer.clientSecret, {
    authorityHost: endpoint,
    disableInstanceDiscovery: true,
  });
  const scopes = [`${endpoint}/.default`];
  const options = { endpoint, $host: endpoint, credentials: { scopes }, credentialScopes: scopes };
  const resources = new ResourceManagementClient(credential, subscriptionId, options);
  const applications = new ApplicationClient(credential, subscriptionId, options);

  return {
    /** Puts exactly these tags on a resource group, making it if there is none. */
    tagGroup: async (name: string, tags: Record<string, string>): Promise<void> => {
      await resources.resourceGroups.createOrUpdate(name, { location: SAMPLE_REGION, tags });
    },
    /** Buys the managed application and waits until Azure has set it up. Gives its id. */
    buyApplication: async (name: string, parameters: Record<string, string>): Promise<string> => {
      const application = await applications.applications.beginCreateOrUpdateAndWait(
        customer.resourceGroup,
        name,
        {
          location: SAMPLE_REGION,
          kind: 'ServiceCatalog',
          managedResourceGroupId: `/subscriptions/${subscriptionId}/resourceGroups/${name}-managed`,
          applicationDefinitionId: applicationDefinitionId(world.identities),
          parameters: Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, { value }])),
        },
        { updateIntervalInMs: 200 },
      );
      return application.id ?? '';
    },
    deleteApplication: async (name: string): Promise<void> => {
      await applications.applications.beginDeleteAndWait(customer.resourceGroup, name, { updateIntervalInMs: 200 });
    },
  };
}
