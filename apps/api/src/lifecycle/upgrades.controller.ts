import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { deferUpgradesRequestSchema, upgradeRequestSchema } from '@managed-consul/api-contract';
import type { Requester } from '@managed-consul/access';
import { FromRequester, readId, readInput } from '@managed-consul/http-api';
import { FromSender, type SentRequest } from '../operations/requests.service';
import { StartsOperation } from '../operations/starts-operation';
import { UpgradesService } from './upgrades.service';

/** Consul versions of one cluster: which it can go to, what that would do, and doing it. */
@Controller('v1/clusters/:id')
export class UpgradesController {
  readonly #upgrades: UpgradesService;

  constructor(@Inject(UpgradesService) upgrades: UpgradesService) {
    this.#upgrades = upgrades;
  }

  @Get('upgrade-versions')
  async versions(@FromRequester() requester: Requester, @Param('id') id: string) {
    return { value: await this.#upgrades.versions(requester, readId(id)) };
  }

  @Post('upgrade-preview')
  @HttpCode(200)
  async preview(@FromRequester() requester: Requester, @Param('id') id: string, @Body() body: unknown) {
    const { consulVersion } = readInput(upgradeRequestSchema, body);
    return this.#upgrades.preview(requester, readId(id), consulVersion);
  }

  @Post('upgrade')
  @StartsOperation()
  async upgrade(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    const { consulVersion } = readInput(upgradeRequestSchema, body);
    return this.#upgrades.upgrade(sent, readId(id), consulVersion);
  }

  @Post('upgrade/defer')
  @HttpCode(200)
  async defer(
    @FromSender() sent: SentRequest,
    @Param('id') id: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { until } = readInput(deferUpgradesRequestSchema, body);
    const cluster = await this.#upgrades.defer(sent, readId(id), until === null ? null : new Date(until));
    void reply.header('etag', cluster.etag);
    return cluster;
  }
}
