import type { ClusterDescription } from '@managed-consul/azure';
import type { Services } from '../services';

/** What the template of a cluster is made from, as the cluster's record has it now. */
export async function describeCluster(
  { cluster, database, azure }: Pick<Services, 'azure' | 'cluster' | 'database'>,
  sshPublicKey: string,
): Promise<ClusterDescription> {
  const { id, installationId, region, networkCidr, servers, vmSize, endpointVisibility } = cluster;
  const [found, service] = await Promise.all([database.prisma.region.findUnique({ where: { name: region } }), azure.principal()]);
  return {
    ...{ id, installationId, region, networkCidr, servers, vmSize, sshPublicKey },
    tags: cluster.tags as Record<string, string>,
    availabilityZones: found?.availabilityZones ?? false,
    publicEndpoint: endpointVisibility === 'Public',
    servicePrincipalId: service.objectId,
    acrossTenants: service.tenantId !== cluster.installation.tenantId.toLowerCase(),
  };
}
