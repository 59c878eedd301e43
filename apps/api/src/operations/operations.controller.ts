import { Readable } from 'node:stream';
import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { operationWaitQuerySchema, pageQuerySchema } from '@managed-consul/api-contract';
import type { Requester } from '@managed-consul/access';
import { getCluster } from '@managed-consul/clusters';
import { isTerminal, type Operation } from '@managed-consul/operations';
import { FromRequester, type PagedList, pageOf, readId, readInput, readNothing, readPageRequest } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { pointToOperation, RETRY_AFTER_SECONDS } from '../http/operation-headers';
import { hasSeenEnd, streamOperationEvents } from './operation-events';
import { OperationResultsService } from './operation-results.service';
import { showOperation } from './operation.view';
import { OperationsService } from './operations.service';

const operationPages: PagedList<Operation, string> = {
  name: 'operations',
  write: ({ id }) => ({ id }),
  schema: z.strictObject({ id: z.uuid() }).transform(({ id }) => id),
};

/** Aborts when the client has gone away. */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** `/v1/operations`, and the operations of a cluster. */
@Controller('v1')
export class OperationsController {
  readonly #services: ApiServices;
  readonly #operations: OperationsService;

  readonly #results: OperationResultsService;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(OperationsService) operations: OperationsService,
    @Inject(OperationResultsService) results: OperationResultsService,
  ) {
    this.#services = services;
    this.#operations = operations;
    this.#results = results;
  }

  @Get('clusters/:id/operations')
  async list(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
  ) {
    const page = readPageRequest(operationPages, readInput(pageQuerySchema, query));
    const { database, operations, publicUrl } = this.#services;
    const cluster = await getCluster(database.prisma, requester, readId(id), { deleted: true });
    const before = page.after === undefined ? {} : { before: page.after };
    const rows = await operations.list({ clusterId: cluster.id, ...before, limit: page.limit });
    return pageOf(operationPages, rows, page, new URL(request.url, publicUrl), (row) => showOperation(row));
  }

  @Get('operations/:id')
  async get(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { wait = 0 } = readInput(operationWaitQuerySchema, query);
    const { operation, steps } = await this.#operations.waitForChange(requester, readId(id), wait, gone(reply));
    if (!isTerminal(operation.state)) void reply.header('retry-after', RETRY_AFTER_SECONDS);
    return showOperation(operation, steps);
  }

  @Get('operations/:id/result')
  async result(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const operation = await this.#operations.get(requester, readId(id));
    if (!isTerminal(operation.state)) {
      pointToOperation(reply, this.#services.publicUrl, operation.id);
      return void reply.status(202);
    }
    // Asking what there would be to read must not use up what is shown once.
    if (request.method === 'HEAD') return void reply.status(200);
    const result = await this.#results.resultOf(requester, operation);
    if (!result) return void reply.status(204);
    if (result.secret) void reply.header('cache-control', 'no-store');
    return result.body;
  }

  @Get('operations/:id/events')
  async events(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { id: operationId } = await this.#operations.get(requester, readId(id));
    if (hasSeenEnd(lastEventId)) {
      await reply.status(204).send();
      return;
    }
    const { changes, stopping } = this.#services;
    const signal = AbortSignal.any([gone(reply), stopping.signal]);
    const progress = async () => this.#operations.progressOf(await this.#operations.get(requester, operationId));
    const wait = (longest: number, seen: number) => changes.waitForChange(operationId, seen, longest, signal);
    const text = Readable.from(streamOperationEvents({ progress, wait, lastEventId, signal }));
    await reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store').send(text);
  }

  @Post('operations/:id/cancel')
  @HttpCode(202)
  async cancel(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    readNothing(body);
    const operation = await this.#operations.cancel(requester, readId(id));
    pointToOperation(reply, this.#services.publicUrl, operation.id);
    return { operation: showOperation(operation) };
  }
}
