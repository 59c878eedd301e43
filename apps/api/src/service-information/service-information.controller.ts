import { Controller, Get, Header, Inject } from '@nestjs/common';
import { buildOpenApiDocument } from '@managed-consul/api-contract';
import { AppError } from '@managed-consul/errors';
import { Public } from '@managed-consul/http-api';
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
  async health() {
    try {
      await this.#services.database.pool.query('SELECT 1');
    } catch (cause) {
      throw new AppError('ServiceUnavailable', 'The database does not answer.', { cause, retryAfterSeconds: 2 });
    }
    return { status: 'ok' };
  }

  @Get('openapi.json')
  @Header('cache-control', 'public, max-age=60')
  openApi() {
    return this.#document;
  }
}
