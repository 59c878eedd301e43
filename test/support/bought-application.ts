import { ApplicationClient } from '@azure/arm-managedapplications';
import { ClientSecretCredential } from '@azure/identity';
import type { Installation } from '@managed-consul/database';
import { azureUrl } from '../../infra/local/components';
import { SAMPLE_REGION } from '../../infra/local/emulator-seed';
import type { WorkflowWorld } from './workflow-world';

/** What customers order from the Marketplace. */
export const MARKETPLACE_PLAN = {
  publisher: 'hashicorp-4665790',
  product: 'hcs-production',
  name: 'on-demand-v2',
  version: '0.0.76',
};

/** Managed applications as the sample customer sees them. */
export function customersApplications({ world }: WorkflowWorld): ApplicationClient {
  const { customer } = world.identities;
  const endpoint = azureUrl(world);
  const credential = new ClientSecretCredential(customer.tenantId, customer.clientId, customer.clientSecret, {
    authorityHost: endpoint,
    disableInstanceDiscovery: true,
  });
  const options = { endpoint, $host: endpoint, credentialScopes: [`${endpoint}/.default`] };
  return new ApplicationClient(credential, customer.subscriptionId, options);
}

/** An application that was bought from the Marketplace, and its row. The cluster in it is not needed. */
export async function buyFromTheMarketplace(world: WorkflowWorld, name: string): Promise<Installation> {
  const { customer } = world.world.identities;
  const values = {
    ...{ clusterName: 'metered', clusterMode: 'DEVELOPMENT', consulDataCenter: 'dc1' },
    ...{ consulVnetCidr: '172.25.16.0/24', email: 'team@example.com' },
  };
  const made = await customersApplications(world).applications.beginCreateOrUpdateAndWait(
    customer.resourceGroup,
    name,
    {
      location: SAMPLE_REGION,
      kind: 'MarketPlace',
      plan: MARKETPLACE_PLAN,
      managedResourceGroupId: `/subscriptions/${customer.subscriptionId}/resourceGroups/${name}-managed`,
      parameters: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }])),
    },
    { updateIntervalInMs: 200 },
  );
  return world.database.prisma.installation.create({
    data: {
      ...{ kind: 'ManagedApplication', state: 'Ready', tenantId: customer.tenantId, subscriptionId: customer.subscriptionId },
      ...{ resourceGroup: `${name}-managed`, region: SAMPLE_REGION, planId: MARKETPLACE_PLAN.name },
      applicationId: made.id?.toLowerCase() ?? null,
      billingResourceUsageId: made.billingDetails?.resourceUsageId ?? '',
    },
  });
}
