import { Body, Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  denyTenantSchema,
  fleetTenantQuerySchema,
  groundsSchema,
  setQuotaSchema,
  suspendTenantSchema,
} from '@managed-consul/api-contract';
import {
  findFleetTenants,
  getFleetTenant,
  listDeniedTenants,
  planDenial,
  planEndOfDenial,
  planEndOfSuspension,
  planQuota,
  planSuspension,
  type FleetTenant,
} from '@managed-consul/fleet';
import { pageOf, readId, readInput, readPageRequest, type PagedList } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';
import { showDeniedTenant, showTenant, showTenantDetail } from './tenant.view';

const tenantPages: PagedList<FleetTenant, string> = {
  name: 'fleet-tenants',
  write: ({ tenantId }) => ({ id: tenantId }),
  schema: z.strictObject({ id: z.string().max(100) }).transform(({ id }) => id),
};

/** `/admin/tenants` and `/admin/denied-tenants`. */
@Controller('admin')
export class TenantsController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get('tenants')
  async find(@Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, ...wish } = readInput(fleetTenantQuerySchema, query);
    const page = readPageRequest(tenantPages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const rows = await findFleetTenants(database, { ...wish, ...page });
    return pageOf(tenantPages, rows, page, new URL(request.url, publicUrl), showTenant);
  }

  @Get('tenants/:id')
  async get(@Param('id') id: string) {
    return showTenantDetail(await getFleetTenant(this.#services.database, readId(id)));
  }

  @Put('tenants/:id/quota')
  async setQuota(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const { reason, ticket, ...wish } = readInput(setQuotaSchema, body);
    const tenantId = readId(id);
    return this.#changes.make(sent, { reason, ticket }, (tx) => planQuota(tx, tenantId, wish));
  }

  @Post('tenants/:id/suspend')
  @HttpCode(200)
  async suspend(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const { reason, ticket, ...wish } = readInput(suspendTenantSchema, body);
    const [tenantId, { clock }] = [readId(id), this.#services];
    return this.#changes.make(sent, { reason, ticket }, (tx) => planSuspension(tx, tenantId, wish, clock));
  }

  @Post('tenants/:id/unsuspend')
  @HttpCode(200)
  async unsuspend(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [tenantId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planEndOfSuspension(tx, tenantId));
  }

  @Get('denied-tenants')
  async denied() {
    return { value: (await listDeniedTenants(this.#services.database)).map(showDeniedTenant) };
  }

  @Put('denied-tenants/:id')
  async deny(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const { contact, ...grounds } = readInput(denyTenantSchema, body);
    const [tenantId, { clock }] = [readId(id), this.#services];
    const wish = { ...grounds, contact, requester: sent.requester };
    return this.#changes.make(sent, grounds, (tx) => planDenial(tx, tenantId, wish, clock));
  }

  @Post('denied-tenants/:id/remove')
  @HttpCode(200)
  async undeny(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [tenantId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planEndOfDenial(tx, tenantId));
  }
}
