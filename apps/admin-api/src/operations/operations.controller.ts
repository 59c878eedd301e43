import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { z } from 'zod';
import type { FastifyRequest } from 'fastify';
import { fleetOperationQuerySchema, groundsSchema, skipStepSchema, type QueueBody } from '@managed-consul/api-contract';
import {
  findFleetOperations,
  getFleetOperation,
  planCancel,
  planRetry,
  planSkip,
  readQueue,
  type FleetOperation,
} from '@managed-consul/fleet';
import { pageOf, readId, readInput, readPageRequest, type PagedList } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';
import { showFleetStep, showOperation } from './operation.view';

const pages: PagedList<FleetOperation, string> = {
  name: 'fleet-operations',
  write: ({ id }) => ({ id }),
  schema: z.strictObject({ id: z.uuid() }).transform(({ id }) => id),
};

/** `/admin/operations` and `/admin/queue`. */
@Controller('admin')
export class OperationsController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get('operations')
  async find(@Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, paged, ...wish } = readInput(fleetOperationQuerySchema, query);
    const page = readPageRequest(pages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const rows = await findFleetOperations(database, {
      ...wish,
      paged: paged === 'true',
      before: page.after,
      limit: page.limit,
    });
    return pageOf(pages, rows, page, new URL(request.url, publicUrl), showOperation);
  }

  @Get('operations/:id')
  async get(@Param('id') id: string) {
    const { steps, ...operation } = await getFleetOperation(this.#services.database, readId(id));
    return { ...showOperation(operation), input: operation.input, steps: steps.map(showFleetStep) };
  }

  @Post('operations/:id/retry')
  @HttpCode(200)
  async retry(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const operationId = readId(id);
    const { clock } = this.#services;
    const answer = await this.#changes.make(sent, readInput(groundsSchema, body), (tx) => planRetry(tx, operationId, clock));
    await this.#ring(sent, operationId);
    return answer;
  }

  @Post('operations/:id/cancel')
  @HttpCode(200)
  async cancel(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const operationId = readId(id);
    const { clock } = this.#services;
    const answer = await this.#changes.make(sent, readInput(groundsSchema, body), (tx) => planCancel(tx, operationId, clock));
    await this.#ring(sent, operationId);
    return answer;
  }

  @Post('operations/:id/skip-step')
  @HttpCode(200)
  async skipStep(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const operationId = readId(id);
    const { step: name, item, ...grounds } = readInput(skipStepSchema, body);
    const { clock } = this.#services;
    const answer = await this.#changes.make(sent, grounds, (tx) =>
      planSkip(tx, operationId, { name, item }, sent.requester, clock),
    );
    await this.#ring(sent, operationId);
    return answer;
  }

  @Get('queue')
  async queue(): Promise<QueueBody> {
    return readQueue(this.#services.database, this.#services.clock);
  }

  /** Behind the commit; what is not heard is rung again by the sweeper. */
  async #ring({ dryRun }: SentChange, id: string): Promise<void> {
    if (dryRun) return;
    const { database, bell } = this.#services;
    const { wakeNumber } = await getFleetOperation(database, id);
    void bell.ring({ id, wakeNumber });
  }
}
