import { Body, Controller, Get, Inject, Param, Patch, Query } from '@nestjs/common';
import { findRole, requireGoodStanding, requireRole, type Requester } from '@managed-consul/access';
import { estimateQuerySchema, updateBudgetRequestSchema } from '@managed-consul/api-contract';
import { getInstallation } from '@managed-consul/clusters';
import { FromRequester, readId, readInput } from '@managed-consul/http-api';
import {
  dayOf,
  estimateCost,
  monthOf,
  readBudget,
  readMonth,
  readUsage,
  removeBudget,
  setBudget,
  type Span,
} from '@managed-consul/usage';
import { API_SERVICES, type ApiServices } from '../api-services';
import { showBudget, showEstimate, showReport, showUsage } from './usage.view';

/** `/v1/installations/{id}/usage` and `/budget`, and `/v1/estimate`. */
@Controller('v1')
export class UsageController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Get('installations/:id/usage')
  async usage(@FromRequester() requester: Requester, @Param('id') id: string) {
    const now = this.#services.clock.now();
    const [today, thisMonth] = [
      await this.#read(requester, id, () => dayOf(now)),
      await this.#read(requester, id, () => monthOf(now)),
    ];
    return { today: showUsage(today), thisMonth: showUsage(thisMonth) };
  }

  @Get('installations/:id/usage/:month')
  async report(@FromRequester() requester: Requester, @Param('id') id: string, @Param('month') month: string) {
    return showReport(await this.#read(requester, id, () => readMonth(month, this.#services.clock.now())));
  }

  @Get('estimate')
  async estimate(@Query() query: unknown) {
    const { plan, servers, ...wish } = readInput(estimateQuerySchema, query);
    const { database, clock } = this.#services;
    return showEstimate(await estimateCost(database, { planId: plan, servers: Number(servers), ...wish }, clock.now()));
  }

  @Get('installations/:id/budget')
  async budget(@FromRequester() requester: Requester, @Param('id') id: string) {
    const installation = await getInstallation(this.#services.database, requester, readId(id));
    return showBudget(await readBudget(this.#services.database, installation.id));
  }

  @Patch('installations/:id/budget')
  async updateBudget(@FromRequester() requester: Requester, @Param('id') id: string, @Body() body: unknown) {
    const { amount, thresholds } = readInput(updateBudgetRequestSchema, body);
    const { database } = this.#services;
    const installation = await getInstallation(database, requester, readId(id));
    await database.prisma.$transaction(async (tx) => {
      requireRole(await findRole(tx, requester, installation.id), 'Contributor', `installation ${installation.id}`);
      await requireGoodStanding(tx, installation.tenantId, requester.tenantId);
      if (amount === null) await removeBudget(tx, requester, installation.id);
      else await setBudget(tx, requester, installation.id, { amount, thresholds });
    });
    return showBudget(await readBudget(database, installation.id));
  }

  /** Who may not see the place learns nothing of the rest of the request. */
  async #read(requester: Requester, id: string, spanOf: () => Span) {
    const installation = await getInstallation(this.#services.database, requester, readId(id));
    return readUsage(this.#services.database, installation.id, spanOf());
  }
}
