import type { ClusterDescription } from '@managed-consul/azure';
import type { ClusterRecord, Services } from '../services';

/** What the template of a cluster is made from, as the cluster's record has it now. */
export async function describeCluster(
  { cluster, database }: Pick<Services, 'database'> & { cluster: ClusterRecord },
  sshPublicKey: string,
): Promise<ClusterDescription> {
  const { id, installationId, region, networkCidr, servers, vmSize, endpointVisibility } = cluster;
  const found = await database.prisma.region.findUnique({ where: { name: region } });
  return {
    ...{ id, installationId, region, networkCidr, servers, vmSize, sshPublicKey },
    tags: cluster.tags as Record<string, string>,
    availabilityZones: found?.availabilityZones ?? false,
    publicEndpoint: endpointVisibility === 'Public',
  };
}
