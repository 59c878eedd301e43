import { Controller, Get, Header, Inject } from '@nestjs/common';
import { AppError } from '@managed-consul/errors';
import { Public } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';

/** Whether the process can work. */
@Public()
@Controller()
export class HealthController {
  readonly #services: AdminServices;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices) {
    this.#services = services;
  }

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
}
