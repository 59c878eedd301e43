import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { hcsOperations } from '@managed-consul/api-contract';
import type { ClusterWithServers } from '@managed-consul/clusters';
import { readInput } from '@managed-consul/http-api';
import { clusterMeter, dayOf, dimensionOf, monthOf, priceAt, readMonth, readUsage } from '@managed-consul/usage';
import { API_SERVICES, type ApiServices } from '../api-services';
import { HCS_CONTROLLER_PATHS } from './hcs-address';
import { showDimensions, showHours, showPeriod } from './hcs-billing.view';
import { FromHcsCall, HcsPlaces, type HcsCall } from './hcs-call';

/** What the HCS API tells of money: of the place, which to that API is the same as its one cluster. */
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
    const cluster = await this.#places.onlyCluster(call);
    const { database, clock } = this.#services;
    const now = clock.now();
    const [prices, today, thisMonth] = await Promise.all([
      this.#pricesOf(cluster, now),
      readUsage(database, cluster.installationId, dayOf(now)),
      readUsage(database, cluster.installationId, monthOf(now)),
    ]);
    return {
      currentSettings: { plan: cluster.planId, activeSince: cluster.createdAt.toISOString(), ...prices },
      usage: { timePeriod: { today: showPeriod(today), thisMonth: showPeriod(thisMonth) } },
    };
  }

  @Post('billingReport')
  @HttpCode(200)
  async report(@FromHcsCall() call: HcsCall) {
    const { month = '' } = readInput(hcsOperations.GetBillingReport.body, call.body);
    const { installationId } = await this.#places.onlyCluster(call);
    const { database, clock } = this.#services;
    return { usage: showHours(await readUsage(database, installationId, readMonth(month, clock.now()))) };
  }

  async #pricesOf({ planId, servers, vmSize }: ClusterWithServers, now: Date) {
    const price = await priceAt(this.#services.database, planId, now);
    const hourly = price && dimensionOf(price.dimensions, clusterMeter(servers, vmSize))?.tiers[0]?.unitPrice;
    return price && hourly !== undefined ? { prices: { hourly: Number(hourly), dimensions: showDimensions(price) } } : {};
  }
}
