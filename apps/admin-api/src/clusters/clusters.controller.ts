import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  azureResourcesSchema,
  fleetClusterQuerySchema,
  type AzureResourcesBody,
  type FleetClusterBody,
} from '@managed-consul/api-contract';
import { dumpCluster, findFleetClusters, getFleetCluster, type FleetCluster } from '@managed-consul/fleet';
import {
  creationPosition,
  pageOf,
  readId,
  readInput,
  readPageRequest,
  writeCreation,
  type PagedList,
} from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';

export const clusterPages: PagedList<FleetCluster, { createdAt: Date; id: string }> = {
  name: 'fleet-clusters',
  write: writeCreation,
  schema: creationPosition,
};

const showCluster = ({ installation, ...cluster }: FleetCluster): FleetClusterBody => ({
  id: cluster.id,
  name: cluster.name,
  tenantId: installation.tenantId,
  subscriptionId: installation.subscriptionId,
  resourceGroup: installation.resourceGroup,
  installationId: cluster.installationId,
  region: cluster.region,
  provisioningState: cluster.provisioningState,
  powerState: cluster.powerState,
  consulVersion: cluster.consulVersion,
  observedConsulVersion: cluster.observedConsulVersion,
  servers: cluster.servers,
  vmSize: cluster.vmSize,
  planId: cluster.planId,
  findings: cluster.findings,
  observedAt: cluster.observedAt?.toISOString() ?? null,
  createdAt: cluster.createdAt.toISOString(),
  deletedAt: cluster.deletedAt?.toISOString() ?? null,
});

/** `/admin/clusters`. */
@Controller('admin')
export class ClustersController {
  readonly #services: AdminServices;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices) {
    this.#services = services;
  }

  @Get('clusters')
  async find(@Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, createdBefore, deleted, ...wish } = readInput(fleetClusterQuerySchema, query);
    const page = readPageRequest(clusterPages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const rows = await findFleetClusters(database, {
      ...wish,
      ...page,
      createdBefore: createdBefore === undefined ? undefined : new Date(createdBefore),
      deleted: deleted === 'true',
    });
    return pageOf(clusterPages, rows, page, new URL(request.url, publicUrl), showCluster);
  }

  @Get('clusters/:id')
  async get(@Param('id') id: string) {
    return showCluster(await getFleetCluster(this.#services.database, readId(id)));
  }

  /** This process reaches no Azure: it shows what the schedule that inspects has seen. */
  @Get('clusters/:id/azure/resources')
  async azureResources(@Param('id') id: string): Promise<AzureResourcesBody> {
    const { database } = this.#services;
    const cluster = await getFleetCluster(database, readId(id));
    const seen = await database.prisma.azureInventory.findUnique({ where: { clusterId: cluster.id } });
    return azureResourcesSchema.parse({ seenAt: seen?.seenAt.toISOString() ?? null, value: seen?.resources ?? [] });
  }

  @Get('clusters/:id/dump')
  async dump(@Param('id') id: string) {
    return dumpCluster(this.#services.database, readId(id));
  }
}
