import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerOnce, findBarred, type BarredTenant, type Requester } from '@managed-consul/access';
import { createInstallationRequestSchema, pageQuerySchema } from '@managed-consul/api-contract';
import { getInstallation, listInstallations, requestRegisterInstallation, type ListPosition } from '@managed-consul/clusters';
import type { Installation } from '@managed-consul/database';
import {
  creationPosition,
  FromRequester,
  type PagedList,
  pageOf,
  readId,
  readInput,
  readPageRequest,
  repeatableOf,
  writeCreation,
} from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { pointToOperation } from '../http/operation-headers';
import { showOperation } from '../operations/operation.view';
import { showInstallation } from './installation.view';

const installationPages: PagedList<Installation, ListPosition> = {
  name: 'installations',
  write: writeCreation,
  schema: creationPosition,
};

/** `/v1/installations`. */
@Controller('v1/installations')
export class InstallationsController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Post()
  @HttpCode(202)
  async create(
    @FromRequester() requester: Requester,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish = { requester, ...readInput(createInstallationRequestSchema, body) };
    const { database, bell, clock, publicUrl } = this.#services;
    const answer = await answerOnce(database, requester, repeatableOf(request), async (tx) => {
      const { installation, operation } = await requestRegisterInstallation(tx, wish, clock);
      return {
        status: 202,
        body: { installation: showInstallation(installation, undefined), operation: showOperation(operation) },
      };
    });
    const { id } = (answer.body as unknown as { operation: { id: string } }).operation;
    void bell.ring({ id, wakeNumber: 0 });
    pointToOperation(reply, publicUrl, id);
    return answer.body;
  }

  @Get()
  async list(@FromRequester() requester: Requester, @Query() query: unknown, @Req() request: FastifyRequest) {
    const page = readPageRequest(installationPages, readInput(pageQuerySchema, query));
    const { database, publicUrl } = this.#services;
    const rows = await listInstallations(database, requester, page);
    const barredOf = await this.#barredAmong(rows);
    return pageOf(installationPages, rows, page, new URL(request.url, publicUrl), (row) => showInstallation(row, barredOf(row)));
  }

  @Get(':id')
  async get(@FromRequester() requester: Requester, @Param('id') id: string) {
    const installation = await getInstallation(this.#services.database, requester, readId(id));
    const barredOf = await this.#barredAmong([installation]);
    return showInstallation(installation, barredOf(installation));
  }

  async #barredAmong(installations: readonly Installation[]): Promise<(one: Installation) => BarredTenant | undefined> {
    const { prisma } = this.#services.database;
    const barred = await findBarred(
      prisma,
      installations.map(({ tenantId }) => tenantId),
    );
    return ({ tenantId }) => barred.find((one) => one.tenantId === tenantId.toLowerCase());
  }
}
