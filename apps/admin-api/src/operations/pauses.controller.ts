import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { groundsSchema, pauseRequestSchema, type PauseBody } from '@managed-consul/api-contract';
import { listPauses, planPause, planResume } from '@managed-consul/fleet';
import { readId, readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';

/** `/admin/pauses`. */
@Controller('admin/pauses')
export class PausesController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get()
  async list(): Promise<{ value: PauseBody[] }> {
    const { database, clock } = this.#services;
    const value = (await listPauses(database, clock)).map(({ id, scope, value, reason, ticket, until, createdAt }) => ({
      ...{ id, scope, value, reason, ticket },
      until: until.toISOString(),
      createdAt: createdAt.toISOString(),
    }));
    return { value };
  }

  @Post()
  @HttpCode(200)
  async pause(@FromSender() sent: SentChange, @Body() body: unknown) {
    const { reason, ticket, until, ...scope } = readInput(pauseRequestSchema, body);
    const [wish, grounds] = [
      { ...scope, until: new Date(until) },
      { requester: sent.requester, reason, ticket },
    ];
    return this.#changes.make(sent, grounds, (tx) => planPause(tx, wish, grounds, this.#services.clock));
  }

  @Post(':id/resume')
  @HttpCode(200)
  async resume(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [pauseId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planResume(tx, pauseId, this.#services.clock));
  }
}
