import { Controller, Get, Header, Inject } from '@nestjs/common';
import { buildOpenApiDocument } from '@managed-consul/api-contract';
import { examineHealth, Public } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';

/** What the service says about itself: whether it can work, and what it offers. */
@Public()
@Controller()
export class ServiceInformationController {
  readonly #services: ApiServices;
  readonly #document = buildOpenApiDocument();

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /** Without the database nothing can be accepted; without Redis everything can. */
  @Get('healthz')
  @Header('cache-control', 'no-store')
  health() {
    return examineHealth(this.#services.database);
  }

  @Get('openapi.json')
  @Header('cache-control', 'public, max-age=60')
  openApi() {
    return this.#document;
  }
}
