import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  createSnapshotRequestSchema,
  pageQuerySchema,
  snapshotListQuerySchema,
  updateSnapshotRequestSchema,
} from '@managed-consul/api-contract';
import type { Requester } from '@managed-consul/access';
import { getSnapshot, listSnapshots, type SnapshotListQuery } from '@managed-consul/snapshots';
import {
  FromRequester,
  pageOf,
  type PageRequest,
  readId,
  readInput,
  readNothing,
  readPageRequest,
} from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { FromSender, type SentRequest } from '../operations/requests.service';
import { StartsOperation } from '../operations/starts-operation';
import { showSnapshot, snapshotPages } from './snapshot.view';
import { SnapshotsService } from './snapshots.service';

type Page = PageRequest<{ createdAt: Date; id: string }>;

/** `/v1/clusters/{id}/snapshots` and `/v1/snapshots`. */
@Controller('v1')
export class SnapshotsController {
  readonly #services: ApiServices;
  readonly #snapshots: SnapshotsService;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(SnapshotsService) snapshots: SnapshotsService) {
    this.#services = services;
    this.#snapshots = snapshots;
  }

  @Post('clusters/:id/snapshots')
  @StartsOperation()
  async take(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    const { name } = readInput(createSnapshotRequestSchema, body ?? {});
    return this.#snapshots.take(sent, readId(id), name);
  }

  @Get('clusters/:id/snapshots')
  async listOfCluster(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
  ) {
    const page = readPageRequest(snapshotPages, readInput(pageQuerySchema, query));
    return this.#list(requester, { clusterId: readId(id), ...page }, page, request);
  }

  @Get('snapshots')
  async list(@FromRequester() requester: Requester, @Query() query: unknown, @Req() request: FastifyRequest) {
    const { installationId, ...paging } = readInput(snapshotListQuerySchema, query);
    const page = readPageRequest(snapshotPages, paging);
    return this.#list(requester, { ...(installationId === undefined ? {} : { installationId }), ...page }, page, request);
  }

  @Get('snapshots/:id')
  async get(@FromRequester() requester: Requester, @Param('id') id: string) {
    return showSnapshot(await getSnapshot(this.#services.database.prisma, requester, readId(id)));
  }

  @Patch('snapshots/:id')
  async rename(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    const { name } = readInput(updateSnapshotRequestSchema, body);
    return this.#snapshots.rename(sent, readId(id), name);
  }

  @Delete('snapshots/:id')
  @StartsOperation()
  async delete(@FromRequester() requester: Requester, @Param('id') id: string) {
    return this.#snapshots.delete(requester, readId(id));
  }

  @Post('snapshots/:id/link')
  @StartsOperation()
  async link(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    readNothing(body);
    return this.#snapshots.link(sent, readId(id));
  }

  @Post('snapshots/:id/drill')
  @StartsOperation()
  async drill(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    readNothing(body);
    return this.#snapshots.drill(sent, readId(id));
  }

  async #list(requester: Requester, query: SnapshotListQuery, page: Page, request: FastifyRequest) {
    const { database, publicUrl } = this.#services;
    const rows = await listSnapshots(database, requester, query);
    return pageOf(snapshotPages, rows, page, new URL(request.url, publicUrl), showSnapshot);
  }
}
