import { Controller, Get, Header, Inject } from '@nestjs/common';
import { listConsulVersions, listPlans, listRegions } from '@managed-consul/consul-versions';
import { Public } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';

/** What is on offer is no secret, and changes seldom. */
const CACHE_CONTROL = 'public, max-age=60';

/** `/v1/versions`, `/v1/regions`, `/v1/plans`: public lists. */
@Public()
@Controller('v1')
export class CatalogueController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Get('versions')
  @Header('cache-control', CACHE_CONTROL)
  async versions() {
    const versions = await listConsulVersions(this.#services.database);
    return {
      value: versions.map(({ version, status, licence, blockedReason, artifacts }) => ({
        version,
        status,
        licence,
        blockedReason,
        platforms: artifacts.map((artifact) => artifact.platform),
      })),
    };
  }

  @Get('regions')
  @Header('cache-control', CACHE_CONTROL)
  async regions() {
    const regions = await listRegions(this.#services.database);
    return {
      value: regions.map(({ name, displayName, geography, availabilityZones, open }) => ({
        name,
        displayName,
        geography,
        availabilityZones,
        open,
      })),
    };
  }

  @Get('plans')
  @Header('cache-control', CACHE_CONTROL)
  async plans() {
    const plans = await listPlans(this.#services.database);
    return {
      value: plans.map(({ id, displayName, description, currency, hourlyMicros, open }) => ({
        id,
        displayName,
        description,
        currency,
        hourlyMicros,
        open,
      })),
    };
  }
}

/** The list that clients of the original service fetch without signing in: what can be installed, newest first. */
@Public()
@Controller('consul/2021-02-04')
export class PublicVersionsController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Get('versions')
  @Header('cache-control', CACHE_CONTROL)
  async versions() {
    const versions = await listConsulVersions(this.#services.database);
    const installable = versions.filter(({ status, artifacts }) => status !== 'BLOCKED' && artifacts.length > 0);
    return { versions: installable.map(({ version, status }) => ({ version, status })) };
  }
}
