import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { hcsOperations } from '@managed-consul/api-contract';
import { AppError } from '@managed-consul/errors';
import { readInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { HCS_CONTROLLER_PATHS } from './hcs-address';
import { FromHcsCall, HcsPlaces, type HcsCall } from './hcs-call';

const MICROS = 1_000_000;
const pricesSchema = z.record(z.string(), z.number());
const MONTH = /^\d{4}\/(0[1-9]|1[0-2])$/;

/**
 * What the HCS API tells of money. Plan and price are in the catalogue; usage is left out, because nothing meters it yet and an
 * empty list would say that there was none.
 */
@Controller(HCS_CONTROLLER_PATHS)
export class HcsBillingController {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(HcsPlaces) places: HcsPlaces) {
    this.#services = services;
    this.#places = places;
  }

  @Post('billingInfo')
  @HttpCode(200)
  async info(@FromHcsCall() call: HcsCall) {
    const { planId, servers, createdAt } = await this.#places.onlyCluster(call);
    const plan = await this.#services.database.prisma.plan.findUnique({ where: { id: planId } });
    const micros = plan ? pricesSchema.parse(plan.hourlyMicros)[String(servers)] : undefined;
    const prices = micros === undefined ? {} : { prices: { hourly: micros / MICROS } };
    return { currentSettings: { plan: planId, activeSince: createdAt.toISOString(), ...prices } };
  }

  @Post('billingReport')
  @HttpCode(200)
  async report(@FromHcsCall() call: HcsCall) {
    const { month = '' } = readInput(hcsOperations.GetBillingReport.body, call.body);
    await this.#places.onlyCluster(call);
    if (!MONTH.test(month)) throw new AppError('InvalidRequest', 'Give a month as 2026/01.', { target: 'month' });
    return {};
  }
}
