import { Controller, Get, Header, Inject } from '@nestjs/common';
import { examineHealth, Public } from '@managed-consul/http-api';
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
  health() {
    return examineHealth(this.#services.database);
  }
}
