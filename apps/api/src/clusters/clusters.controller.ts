import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  clusterListQuerySchema,
  deleteClusterQuerySchema,
  pageQuerySchema,
  type ClusterBody,
} from '@managed-consul/api-contract';
import type { Requester } from '@managed-consul/access';
import { getCluster, listClusterEvents, listClusters } from '@managed-consul/clusters';
import { FromRequester, pageOf, readId, readInput, readPageRequest, repeatableOf } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { pointToOperation } from '../http/operation-headers';
import { showOperation } from '../operations/operation.view';
import { OperationsService } from '../operations/operations.service';
import { clusterEventPages, clusterPages, showClusterEvent } from './cluster.pages';
import { ClustersService } from './clusters.service';

/** `/v1/preflight` and `/v1/clusters`. */
@Controller('v1')
export class ClustersController {
  readonly #services: ApiServices;
  readonly #clusters: ClustersService;
  readonly #operations: OperationsService;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(ClustersService) clusters: ClustersService,
    @Inject(OperationsService) operations: OperationsService,
  ) {
    this.#services = services;
    this.#clusters = clusters;
    this.#operations = operations;
  }

  @Post('preflight')
  @HttpCode(200)
  async preflight(@FromRequester() requester: Requester, @Body() body: unknown) {
    const problems = await this.#clusters.preflight(requester, body);
    return { acceptable: problems.length === 0, problems };
  }

  @Post('clusters')
  async create(
    @FromRequester() requester: Requester,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const answer = await this.#clusters.create(requester, body, repeatableOf(request));
    const { operation, cluster } = answer.body as unknown as { operation: { id: string }; cluster: ClusterBody };
    pointToOperation(reply, this.#services.publicUrl, operation.id);
    void reply.status(answer.status).header('etag', cluster.etag);
    return answer.body;
  }

  @Get('clusters')
  async list(@FromRequester() requester: Requester, @Query() query: unknown, @Req() request: FastifyRequest) {
    const { installationId, ...paging } = readInput(clusterListQuerySchema, query);
    const page = readPageRequest(clusterPages, paging);
    const rows = await listClusters(this.#services.database, requester, { installationId, ...page });
    const { value, ...paged } = pageOf(clusterPages, rows, page, this.#addressOf(request), (row) => row);
    return { value: await this.#clusters.show(value), ...paged };
  }

  @Get('clusters/:id')
  async get(@FromRequester() requester: Requester, @Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const cluster = await this.#clusters.read(requester, readId(id));
    void reply.header('etag', cluster.etag);
    return cluster;
  }

  @Patch('clusters/:id')
  async update(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const conditions = { repeatable: repeatableOf(request), ifMatch: request.headers['if-match'] };
    const answer = await this.#clusters.update(requester, readId(id), body, conditions);
    void reply.header('etag', (answer.body as unknown as ClusterBody).etag);
    return answer.body;
  }

  @Delete('clusters/:id')
  async delete(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Query() query: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const options = readInput(deleteClusterQuerySchema, query);
    const operationId = await this.#clusters.delete({ requester, clusterId: readId(id), ifMatch, ...options });
    if (operationId === undefined) return void reply.status(204);
    pointToOperation(reply, this.#services.publicUrl, operationId);
    void reply.status(202);
    return { operation: showOperation(await this.#operations.get(requester, operationId)) };
  }

  @Get('clusters/:id/events')
  async events(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
  ) {
    const page = readPageRequest(clusterEventPages, readInput(pageQuerySchema, query));
    const { database } = this.#services;
    const cluster = await getCluster(database.prisma, requester, readId(id), { deleted: true });
    const rows = await listClusterEvents(database, { clusterId: cluster.id, before: page.after, limit: page.limit });
    return pageOf(clusterEventPages, rows, page, this.#addressOf(request), showClusterEvent);
  }

  #addressOf(request: FastifyRequest): URL {
    return new URL(request.url, this.#services.publicUrl);
  }
}
