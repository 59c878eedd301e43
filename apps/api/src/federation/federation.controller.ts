import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Requester } from '@managed-consul/access';
import type { FederationBody } from '@managed-consul/api-contract';
import { createFederationToken, getFederation, type FederatedCluster } from '@managed-consul/federation';
import { FromRequester, readId, readNothing } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { pointToOperation } from '../http/operation-headers';
import { showOperation } from '../operations/operation.view';

const showMember = ({
  joinedAt,
  applicationId: _application,
  ...member
}: FederatedCluster): FederationBody['secondaries'][number] => ({
  ...member,
  joinedAt: joinedAt?.toISOString() ?? null,
});

/** `/v1/clusters/{id}/federation-tokens` and `/federation`. */
@Controller('v1/clusters/:id')
export class FederationController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Post('federation-tokens')
  @HttpCode(200)
  async createToken(
    @FromRequester() requester: Requester,
    @Param('id') id: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    readNothing(body);
    const { database, secrets, bell, clock, publicUrl } = this.#services;
    const wish = { requester, clusterId: readId(id) };
    const created = await database.prisma.$transaction((tx) => createFederationToken(tx, secrets, wish, clock));
    const { federationToken, expiresAt, primaryDatacenter, operation } = created;
    if (operation) {
      void bell.ring(operation);
      pointToOperation(reply, publicUrl, operation.id);
    }
    void reply.header('cache-control', 'no-store');
    const shown = { operation: operation ? showOperation(operation) : null };
    return { federationToken: federationToken.reveal(), expiresAt: expiresAt.toISOString(), primaryDatacenter, ...shown };
  }

  @Get('federation')
  async get(@FromRequester() requester: Requester, @Param('id') id: string): Promise<FederationBody> {
    const clusterId = readId(id);
    const { state, primary, secondaries } = await getFederation(this.#services.database.prisma, { requester, clusterId });
    return { state, primary: primary && showMember(primary), secondaries: secondaries.map(showMember) };
  }
}
