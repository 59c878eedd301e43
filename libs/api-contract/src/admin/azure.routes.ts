import { idParamsSchema } from '../route-parts';
import { azureResourcesSchema } from './azure.schema';

/** What clusters have in Azure. */
export const azureRoutes = {
  listAzureResources: {
    method: 'GET',
    path: '/admin/clusters/{id}/azure/resources',
    summary: 'What a cluster has in Azure against what it should have, as the service last saw it',
    role: 'viewer',
    params: idParamsSchema,
    answer: azureResourcesSchema,
  },
} as const;
