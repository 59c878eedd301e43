import type { ClusterBody } from '@managed-consul/api-contract';
import { etagOf, type ClusterWithServers, type Condition, type MaintenanceWindow } from '@managed-consul/clusters';
import type { Server } from '@managed-consul/database';

const showServer = (server: Server) => ({
  name: server.name,
  address: server.address,
  consulVersion: server.consulVersion,
  agentSeenAt: server.agentSeenAt?.toISOString() ?? null,
});

const showObserved = (cluster: ClusterWithServers): ClusterBody['observed'] => ({
  consulVersion: cluster.observedConsulVersion,
  privateEndpointUrl: cluster.privateEndpointUrl,
  publicEndpointUrl: cluster.publicEndpointUrl,
  storageAccountName: cluster.storageAccountName,
  servers: cluster.serverRecords.map(showServer),
});

/** A cluster as customers see it. */
export const showCluster = (cluster: ClusterWithServers): ClusterBody => ({
  id: cluster.id,
  installationId: cluster.installationId,
  name: cluster.name,
  provisioningState: cluster.provisioningState,
  datacenter: cluster.datacenter,
  region: cluster.region,
  consulVersion: cluster.consulVersion,
  servers: cluster.servers,
  vmSize: cluster.vmSize,
  networkCidr: cluster.networkCidr,
  endpointVisibility: cluster.endpointVisibility,
  snapshotIntervalSeconds: cluster.snapshotIntervalSeconds,
  snapshotRetentionSeconds: cluster.snapshotRetentionSeconds,
  upgradePolicy: cluster.upgradePolicy,
  maintenanceWindow: cluster.maintenanceWindow as MaintenanceWindow | null,
  email: cluster.email,
  tags: cluster.tags as Record<string, string>,
  plan: cluster.planId,
  observed: showObserved(cluster),
  conditions: cluster.conditions as unknown as Condition[],
  error: cluster.failureCode === null ? null : { code: cluster.failureCode, message: cluster.failureMessage ?? '' },
  etag: etagOf(cluster),
  createdAt: cluster.createdAt.toISOString(),
  updatedAt: cluster.updatedAt.toISOString(),
});
