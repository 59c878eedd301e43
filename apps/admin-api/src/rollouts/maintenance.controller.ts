import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { freezeRequestSchema, groundsSchema, maintenanceScheduleRequestSchema } from '@managed-consul/api-contract';
import {
  listFreezes,
  listMaintenanceSchedules,
  planEndOfMaintenanceSchedule,
  planFreeze,
  planLift,
  planMaintenanceSchedule,
} from '@managed-consul/fleet';
import { readId, readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';
import { showFreeze, showMaintenanceSchedule } from './rollout.view';

/** `/admin/freezes` and `/admin/maintenance-schedules`. */
@Controller('admin')
export class MaintenanceController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get('freezes')
  async freezes() {
    const { database, clock } = this.#services;
    return { value: (await listFreezes(database, clock)).map(showFreeze) };
  }

  @Post('freezes')
  @HttpCode(200)
  async freeze(@FromSender() sent: SentChange, @Body() body: unknown) {
    const { reason, ticket, until, ...scope } = readInput(freezeRequestSchema, body);
    const wish = { ...scope, until: new Date(until) };
    const grounds = { requester: sent.requester, reason, ticket };
    return this.#changes.make(sent, grounds, (tx) => planFreeze(tx, wish, grounds, this.#services.clock));
  }

  @Post('freezes/:id/lift')
  @HttpCode(200)
  async lift(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [freezeId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planLift(tx, freezeId, this.#services.clock));
  }

  @Get('maintenance-schedules')
  async schedules() {
    return { value: (await listMaintenanceSchedules(this.#services.database)).map(showMaintenanceSchedule) };
  }

  @Post('maintenance-schedules')
  @HttpCode(200)
  async begin(@FromSender() sent: SentChange, @Body() body: unknown) {
    const { reason, ticket, ...wish } = readInput(maintenanceScheduleRequestSchema, body);
    const grounds = { requester: sent.requester, reason, ticket };
    return this.#changes.make(sent, grounds, (tx) => planMaintenanceSchedule(tx, wish, grounds, this.#services.clock));
  }

  @Post('maintenance-schedules/:id/end')
  @HttpCode(200)
  async end(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const [scheduleId, grounds] = [readId(id), readInput(groundsSchema, body)];
    return this.#changes.make(sent, grounds, (tx) => planEndOfMaintenanceSchedule(tx, scheduleId, this.#services.clock));
  }
}
