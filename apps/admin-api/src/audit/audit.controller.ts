import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { z } from 'zod';
import type { FastifyRequest } from 'fastify';
import { findAuditEvents, recordAudit, type Requester } from '@managed-consul/access';
import { auditQuerySchema } from '@managed-consul/api-contract';
import type { AuditEvent } from '@managed-consul/database';
import { FromRequester, pageOf, readInput, readPageRequest, type PagedList } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';

const pages: PagedList<AuditEvent, bigint> = {
  name: 'audit-events',
  write: ({ id }) => ({ id: id.toString() }),
  schema: z.strictObject({ id: z.string().regex(/^\d{1,18}$/) }).transform(({ id }) => BigInt(id)),
};

const showEvent = (event: AuditEvent) => ({ ...event, id: event.id.toString(), at: event.at.toISOString() });

const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

/** Reading asks for no ticket, but it is recorded like everything else that operators do. */
const ROUTINE = { reason: 'Search of the audit record.', ticket: 'none' };

/** `/admin/audit`. */
@Controller('admin')
export class AuditController {
  readonly #services: AdminServices;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices) {
    this.#services = services;
  }

  @Get('audit')
  async search(@FromRequester() requester: Requester, @Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, since, until, ...wish } = readInput(auditQuerySchema, query);
    const page = readPageRequest(pages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    await database.prisma.$transaction((tx) =>
      recordAudit(tx, requester, { action: 'search-audit', detail: { ...wish, since, until }, operator: ROUTINE }),
    );
    const rows = await findAuditEvents(database, {
      ...wish,
      since: dateOf(since),
      until: dateOf(until),
      before: page.after,
      limit: page.limit,
    });
    return pageOf(pages, rows, page, new URL(request.url, publicUrl), showEvent);
  }
}
