import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { findAuditEvents, type Requester } from '@managed-consul/access';
import { pageQuerySchema } from '@managed-consul/api-contract';
import { getCluster } from '@managed-consul/clusters';
import { FromRequester, pageOf, readId, readInput, readPageRequest } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { auditEventPages, showAuditEvent } from './audit.view';

/** `/v1/clusters/{id}/audit`. */
@Controller('v1')
export class AuditController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Get('clusters/:id/audit')
  async list(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
  ) {
    const page = readPageRequest(auditEventPages, readInput(pageQuerySchema, query));
    const { database, publicUrl } = this.#services;
    const cluster = await getCluster(database.prisma, requester, readId(id), { deleted: true });
    const touching = { clusterId: cluster.id, installationId: cluster.installationId };
    const rows = await findAuditEvents(database, { touching, before: page.after, limit: page.limit });
    return pageOf(auditEventPages, rows, page, new URL(request.url, publicUrl), showAuditEvent);
  }
}
