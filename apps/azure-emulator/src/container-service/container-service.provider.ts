import type { ResourceProvider } from '../arm/resource-provider';

/**
 * `Microsoft.ContainerService/managedClusters`: Kubernetes clusters that a customer has, for clients that look them up to join
 * them to Consul. They come from the seed, no Kubernetes runs behind them, and so none can be made here.
 */
export const containerServiceProvider = (): ResourceProvider => ({
  namespace: 'Microsoft.ContainerService',
  types: [
    {
      namespace: 'Microsoft.ContainerService',
      type: 'managedClusters',
      apiVersions: ['2025-05-01', '2024-09-01', '2020-07-01'],
      methods: ['GET', 'DELETE'],
    },
  ],
});
