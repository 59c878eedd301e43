import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, StreamableFile } from '@nestjs/common';
import { z } from 'zod';
import type { FastifyRequest } from 'fastify';
import { nameOf } from '@managed-consul/access';
import {
  correctUsageSchema,
  coverageQuerySchema,
  creditQuerySchema,
  creditUsageSchema,
  groundsSchema,
  usageEmissionQuerySchema,
  usageExportQuerySchema,
  usageRecordQuerySchema,
} from '@managed-consul/api-contract';
import { hours } from '@managed-consul/config';
import type { UsageEmission, UsageRecord } from '@managed-consul/database';
import {
  findEmissions,
  findMismatches,
  findUsageRecords,
  listCredits,
  planCredit,
  planCreditApproval,
  planCreditRefusal,
  planHourCorrection,
  planResend,
} from '@managed-consul/fleet';
import { pageOf, readId, readInput, readPageRequest, type PagedList } from '@managed-consul/http-api';
import { examineCoverage, exportContentType, exportUsage, hourOf, readMonth, writeExport } from '@managed-consul/usage';
import { readOwedUsage } from '@managed-consul/usage-emission';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';
import { showCoverage, showCredit, showUsageEmission, showUsageMismatch, showUsageRecord } from './billing.view';

const recordPages: PagedList<UsageRecord, bigint> = {
  name: 'usage-records',
  write: ({ id }) => ({ id: String(id) }),
  schema: z.strictObject({ id: z.string().regex(/^\d{1,18}$/) }).transform(({ id }) => BigInt(id)),
};

const emissionPages: PagedList<UsageEmission, string> = {
  name: 'usage-emissions',
  write: ({ id }) => ({ id }),
  schema: z.strictObject({ id: z.uuid() }).transform(({ id }) => id),
};

const momentOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

/** `/admin/billing`. */
@Controller('admin/billing')
export class BillingController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get('coverage')
  async coverage(@Query() query: unknown) {
    const wish = readInput(coverageQuerySchema, query);
    const from = hourOf(new Date(wish.from));
    const span = { from, to: new Date(from.getTime() + hours(wish.hours)) };
    const { database, clock } = this.#services;
    return showCoverage(await examineCoverage(database, span, clock.now()));
  }

  @Get('owed')
  async owed() {
    const { database, clock } = this.#services;
    return { value: await readOwedUsage(database, clock.now()) };
  }

  @Get('records')
  async records(@Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, from, to, ...wish } = readInput(usageRecordQuerySchema, query);
    const page = readPageRequest(recordPages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const span = { from: momentOf(from), to: momentOf(to) };
    const rows = await findUsageRecords(database, { ...wish, ...span, before: page.after, limit: page.limit });
    return pageOf(recordPages, rows, page, new URL(request.url, publicUrl), showUsageRecord);
  }

  @Get('emissions')
  async emissions(@Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, ...wish } = readInput(usageEmissionQuerySchema, query);
    const page = readPageRequest(emissionPages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const rows = await findEmissions(database, { ...wish, before: page.after, limit: page.limit });
    return pageOf(emissionPages, rows, page, new URL(request.url, publicUrl), showUsageEmission);
  }

  @Get('mismatches')
  async mismatches() {
    return { value: (await findMismatches(this.#services.database)).map(showUsageMismatch) };
  }

  @Get('exports/:month')
  export(@Param('month') month: string, @Query() query: unknown): StreamableFile {
    const { format, installationId } = readInput(usageExportQuerySchema, query);
    const { database, clock } = this.#services;
    const { from, to } = readMonth(month, clock.now());
    const span = { from, to: new Date(Math.min(to.getTime(), clock.now().getTime())) };
    const text = writeExport(format, exportUsage(database, span, installationId));
    const name = `usage-${month.replace('/', '-')}.${format === 'jsonl' ? 'jsonl' : 'csv'}`;
    return new StreamableFile(Readable.from(text), {
      type: exportContentType(format),
      disposition: `attachment; filename="${name}"`,
    });
  }

  @Post('installations/:id/resend')
  @HttpCode(200)
  async resend(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const installationId = readId(id);
    const { clock } = this.#services;
    return this.#changes.make(sent, readInput(groundsSchema, body), (tx) => planResend(tx, installationId, clock));
  }

  @Post('corrections')
  @HttpCode(200)
  async correct(@FromSender() sent: SentChange, @Body() body: unknown) {
    const { reason, ticket, hour } = readInput(correctUsageSchema, body);
    const by = { reason: `${reason} (${ticket})`, recordedBy: `operator/${nameOf(sent.requester)}` };
    return this.#changes.make(sent, { reason, ticket }, (tx) => planHourCorrection(tx, new Date(hour), by, this.#services.clock));
  }

  @Post('credits')
  @HttpCode(200)
  async credit(@FromSender() sent: SentChange, @Body() body: unknown) {
    const { reason, ticket, from, ...rest } = readInput(creditUsageSchema, body);
    const wish = { ...rest, from: new Date(from) };
    const grounds = { requester: sent.requester, reason, ticket };
    const { creditLimit: limit, clock } = this.#services;
    return this.#changes.make(sent, grounds, (tx) => planCredit(tx, wish, grounds, { limit, clock }));
  }

  @Get('credits')
  async credits(@Query() query: unknown) {
    const { state } = readInput(creditQuerySchema, query);
    return { value: (await listCredits(this.#services.database, state)).map(showCredit) };
  }

  @Post('credits/:id/approve')
  @HttpCode(200)
  async approveCredit(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [creditId, grounds, { clock }] = [readId(id), readInput(groundsSchema, body), this.#services];
    return this.#changes.make(sent, grounds, (tx) => planCreditApproval(tx, creditId, sent.requester, clock));
  }

  @Post('credits/:id/refuse')
  @HttpCode(200)
  async refuseCredit(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [creditId, grounds, { clock }] = [readId(id), readInput(groundsSchema, body), this.#services];
    return this.#changes.make(sent, grounds, (tx) => planCreditRefusal(tx, creditId, sent.requester, clock));
  }
}
