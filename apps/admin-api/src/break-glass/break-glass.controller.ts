import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  breakGlassQuerySchema,
  breakGlassRequestSchema,
  groundsSchema,
  type OpenBreakGlassBody,
} from '@managed-consul/api-contract';
import { getBreakGlass, listBreakGlass, planBreakGlass, planBreakGlassApproval, planBreakGlassEnd } from '@managed-consul/fleet';
import { breakGlassSubject } from '@managed-consul/clusters';
import { readId, readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';
import { showBreakGlass } from './break-glass.view';

/** `/admin/break-glass`: access in an emergency, by two persons. */
@Controller('admin')
export class BreakGlassController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Post('clusters/:id/break-glass')
  @HttpCode(200)
  async ask(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const { reason, ticket, ...wish } = readInput(breakGlassRequestSchema, body);
    const [clusterId, grounds] = [readId(id), { requester: sent.requester, reason, ticket }];
    const { breakGlass: limits, clock } = this.#services;
    return this.#changes.make(sent, grounds, (tx) => planBreakGlass(tx, { ...wish, clusterId }, grounds, limits, clock));
  }

  @Get('break-glass')
  async list(@Query() query: unknown) {
    const { clusterId } = readInput(breakGlassQuerySchema, query);
    return { value: (await listBreakGlass(this.#services.database, clusterId)).map(showBreakGlass) };
  }

  /** The token is for the eyes of whoever asked, and sealed with a key that he alone has. */
  @Get('break-glass/:id')
  async get(@Param('id') id: string, @Req() { requester }: FastifyRequest): Promise<OpenBreakGlassBody> {
    const { access, datacenter, servers } = await getBreakGlass(this.#services.database, readId(id));
    const isOwn = requester?.objectId === access.requestedBy;
    const { accessorId } = access;
    return { ...showBreakGlass(access), datacenter, servers, accessorId, sealedToken: isOwn ? access.sealedToken : null };
  }

  @Post('break-glass/:id/approve')
  @HttpCode(200)
  async approve(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [accessId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.makeAndRing(sent, grounds, breakGlassSubject(accessId), (tx) =>
      planBreakGlassApproval(tx, accessId, sent.requester, this.#services.clock),
    );
  }

  @Post('break-glass/:id/revoke')
  @HttpCode(200)
  async revoke(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [accessId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.makeAndRing(sent, grounds, breakGlassSubject(accessId), (tx) =>
      planBreakGlassEnd(tx, accessId, sent.requester, this.#services.clock),
    );
  }
}
