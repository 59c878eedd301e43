import { Body, Controller, Headers, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Requester } from '@managed-consul/access';
import { FromRequester, readId, readNothing, repeatableOf } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { pointToOperation } from '../http/operation-headers';
import { ClientAccessService } from './client-access.service';
import { zipBundle } from './client-bundle.files';

/** `/v1/clusters/{id}/root-token` and `/client-bundle`: answers that hold secrets and are never cached. */
@Controller('v1/clusters/:id')
export class ClientAccessController {
  readonly #services: ApiServices;
  readonly #access: ClientAccessService;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(ClientAccessService) access: ClientAccessService) {
    this.#services = services;
    this.#access = access;
  }

  @Post('root-token')
  @HttpCode(202)
  async createRootToken(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    readNothing(body);
    const answer = await this.#access.createRootToken(requester, readId(id), repeatableOf(request));
    pointToOperation(reply, this.#services.publicUrl, answer.operation.id);
    void reply.header('cache-control', 'no-store');
    return answer;
  }

  @Post('client-bundle')
  @HttpCode(200)
  async createClientBundle(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Body() body: unknown,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    readNothing(body);
    const bundle = await this.#access.readBundle(requester, readId(id));
    void reply.header('cache-control', 'no-store').header('vary', 'accept');
    if (!accept?.includes('application/zip')) return bundle;
    void reply
      .header('content-type', 'application/zip')
      .header('content-disposition', 'attachment; filename="consul-client.zip"');
    return zipBundle(bundle);
  }
}
