import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { z } from 'zod';
import type { FastifyRequest } from 'fastify';
import {
  beginRolloutSchema,
  groundsSchema,
  resumeRolloutSchema,
  rolloutClusterQuerySchema,
  rolloutQuerySchema,
} from '@managed-consul/api-contract';
import {
  findRollouts,
  findTurns,
  getRollout,
  planAbortOfRollout,
  planPauseOfRollout,
  planResumeOfRollout,
  planRollout,
  type FleetRollout,
  type RolloutTurn,
} from '@managed-consul/fleet';
import {
  creationPosition,
  pageOf,
  readId,
  readInput,
  readPageRequest,
  writeCreation,
  type PagedList,
} from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';
import { showRollout, showTurn } from './rollout.view';

const rolloutPages: PagedList<FleetRollout, { createdAt: Date; id: string }> = {
  name: 'rollouts',
  write: writeCreation,
  schema: creationPosition,
};

const turnPages: PagedList<RolloutTurn, number> = {
  name: 'rollout-clusters',
  write: ({ position }) => ({ position: String(position) }),
  schema: z.strictObject({ position: z.coerce.number().int() }).transform(({ position }) => position),
};

/** `/admin/rollouts`. Workers carry them on; here they are asked for. */
@Controller('admin/rollouts')
export class RolloutsController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get()
  async find(@Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, state } = readInput(rolloutQuerySchema, query);
    const page = readPageRequest(rolloutPages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const rows = await findRollouts(database, { state, before: page.after, limit: page.limit });
    return pageOf(rolloutPages, rows, page, new URL(request.url, publicUrl), showRollout);
  }

  @Post()
  @HttpCode(200)
  async begin(@FromSender() sent: SentChange, @Body() body: unknown) {
    const { reason, ticket, ...wish } = readInput(beginRolloutSchema, body);
    const grounds = { requester: sent.requester, reason, ticket };
    return this.#changes.make(sent, grounds, (tx) => planRollout(tx, wish, grounds, this.#services.clock));
  }

  @Get(':id')
  async get(@Param('id') id: string) {
    return showRollout(await getRollout(this.#services.database, readId(id)));
  }

  @Get(':id/clusters')
  async clusters(@Param('id') id: string, @Query() query: unknown, @Req() request: FastifyRequest) {
    const { pageSize, pageToken, state } = readInput(rolloutClusterQuerySchema, query);
    const page = readPageRequest(turnPages, { pageSize, pageToken });
    const { database, publicUrl } = this.#services;
    const rows = await findTurns(database, readId(id), { state, after: page.after, limit: page.limit });
    return pageOf(turnPages, rows, page, new URL(request.url, publicUrl), showTurn);
  }

  @Post(':id/pause')
  @HttpCode(200)
  async pause(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [rolloutId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planPauseOfRollout(tx, rolloutId, grounds.reason));
  }

  @Post(':id/resume')
  @HttpCode(200)
  async resume(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const rolloutId = readId(id);
    const { reason, ticket, ...wish } = readInput(resumeRolloutSchema, body);
    const { clock } = this.#services;
    return this.#changes.make(sent, { reason, ticket }, (tx) => planResumeOfRollout(tx, rolloutId, wish, clock));
  }

  @Post(':id/abort')
  @HttpCode(200)
  async abort(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [rolloutId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planAbortOfRollout(tx, rolloutId, this.#services.clock));
  }
}
