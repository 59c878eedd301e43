import type { ClusterBody } from '@managed-consul/api-contract';
import {
  etagOf,
  findWindow,
  type ClusterUpkeep,
  type ClusterWithServers,
  type Condition,
  type MaintenanceWindow,
} from '@managed-consul/clusters';
import type { Server } from '@managed-consul/database';
import { showDrill } from '../snapshots/drill.view';

type ServerBody = ClusterBody['observed']['servers'][number];

const showServer = (server: Server): ServerBody => ({
  name: server.name,
  address: server.address,
  vmSize: server.vmSize,
  consulVersion: server.consulVersion,
  agentSeenAt: server.agentSeenAt?.toISOString() ?? null,
  raftRole: server.raftRole as ServerBody['raftRole'],
  healthy: server.healthy,
});

const showObserved = (cluster: ClusterWithServers): ClusterBody['observed'] => ({
  consulVersion: cluster.observedConsulVersion,
  privateEndpointUrl: cluster.privateEndpointUrl,
  publicEndpointUrl: cluster.publicEndpointUrl,
  storageAccountName: cluster.storageAccountName,
  observedAt: cluster.observedAt?.toISOString() ?? null,
  servers: cluster.serverRecords.map(showServer),
});

const numberOf = (size: bigint | null): number | null => (size === null ? null : Number(size));

const showBackup = (upkeep: ClusterUpkeep | undefined): ClusterBody['backup'] => {
  const { lastSnapshot: last, lastDrill, nextSnapshotAt } = upkeep ?? {};
  const sizeBytes = last ? numberOf(last.sizeBytes) : null;
  return {
    lastSnapshot: last ? { id: last.id, name: last.name, verifiedAt: last.verifiedAt.toISOString(), sizeBytes } : null,
    lastDrill: lastDrill ? showDrill(lastDrill.snapshotId, lastDrill.outcome) : null,
    nextSnapshotAt: nextSnapshotAt?.toISOString() ?? null,
  };
};

function showMaintenance(cluster: ClusterWithServers, now: Date, upkeep: ClusterUpkeep | undefined): ClusterBody['maintenance'] {
  const { upgradeDeferredUntil } = cluster;
  const window = cluster.maintenanceWindow as MaintenanceWindow | null;
  const blackoutDates = cluster.blackoutDates as string[];
  const opensAt = findWindow(window, now, { blackoutDates, deferredUntil: upgradeDeferredUntil });
  const isDeferred = upgradeDeferredUntil !== null && upgradeDeferredUntil > now;
  return {
    state: upkeep?.maintenance?.state ?? 'None',
    operationId: upkeep?.maintenance?.operationId ?? null,
    windowOpensAt: opensAt?.toISOString() ?? null,
    upgradesDeferredUntil: isDeferred ? upgradeDeferredUntil.toISOString() : null,
  };
}

/** A cluster as customers see it at `now`; a new one has no upkeep yet. */
export const showCluster = (cluster: ClusterWithServers, now: Date, upkeep?: ClusterUpkeep): ClusterBody => ({
  id: cluster.id,
  installationId: cluster.installationId,
  name: cluster.name,
  provisioningState: cluster.provisioningState,
  powerState: cluster.powerState,
  datacenter: cluster.datacenter,
  region: cluster.region,
  consulVersion: cluster.consulVersion,
  servers: cluster.servers,
  vmSize: cluster.vmSize,
  networkCidr: cluster.networkCidr,
  endpointVisibility: cluster.endpointVisibility,
  snapshotIntervalSeconds: cluster.snapshotIntervalSeconds,
  snapshotRetentionSeconds: cluster.snapshotRetentionSeconds,
  snapshotRetentionCount: cluster.snapshotRetentionCount,
  upgradePolicy: cluster.upgradePolicy,
  maintenanceWindow: cluster.maintenanceWindow as MaintenanceWindow | null,
  blackoutDates: cluster.blackoutDates as string[],
  email: cluster.email,
  tags: cluster.tags as Record<string, string>,
  plan: cluster.planId,
  observed: showObserved(cluster),
  conditions: cluster.conditions as unknown as Condition[],
  backup: showBackup(upkeep),
  maintenance: showMaintenance(cluster, now, upkeep),
  error: cluster.failureCode === null ? null : { code: cluster.failureCode, message: cluster.failureMessage ?? '' },
  etag: etagOf(cluster),
  createdAt: cluster.createdAt.toISOString(),
  updatedAt: cluster.updatedAt.toISOString(),
});
