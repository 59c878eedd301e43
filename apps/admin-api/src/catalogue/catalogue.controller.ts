import { Body, Controller, Get, Inject, Param, Put } from '@nestjs/common';
import { setRegionSchema, setVersionSchema } from '@managed-consul/api-contract';
import { listFleetVersions, planRegion, planVersion } from '@managed-consul/fleet';
import { readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';

/** `/admin/versions` and `/admin/regions`. */
@Controller('admin')
export class CatalogueController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Get('versions')
  async versions() {
    return { value: await listFleetVersions(this.#services.database.prisma) };
  }

  @Put('versions/:version')
  async setVersion(@FromSender() sent: SentChange, @Param('version') version: string, @Body() body: unknown) {
    const { reason, ticket, ...wish } = readInput(setVersionSchema, body);
    return this.#changes.make(sent, { reason, ticket }, (tx) => planVersion(tx, { version, ...wish }));
  }

  @Put('regions/:name')
  async setRegion(@FromSender() sent: SentChange, @Param('name') name: string, @Body() body: unknown) {
    const { reason, ticket, open } = readInput(setRegionSchema, body);
    return this.#changes.make(sent, { reason, ticket }, (tx) => planRegion(tx, { name, open }));
  }
}
