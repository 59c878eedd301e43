import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { groundsSchema } from '@managed-consul/api-contract';
import { clusterSubject, snapshotSubject } from '@managed-consul/clusters';
import { planDrill, planSnapshot } from '@managed-consul/fleet';
import { readId, readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';

/** What operators have done about the backups of a cluster. */
@Controller('admin')
export class SnapshotCareController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Post('clusters/:id/snapshots')
  @HttpCode(200)
  async take(@FromSender() sent: SentChange, @Param('id') param: string, @Body() body: unknown) {
    const [id, grounds] = [readId(param), readInput(groundsSchema, body)];
    return this.#changes.makeAndRing(sent, grounds, clusterSubject(id), (tx) =>
      planSnapshot(tx, id, sent.requester, this.#services.clock),
    );
  }

  @Post('snapshots/:id/drill')
  @HttpCode(200)
  async drill(@FromSender() sent: SentChange, @Param('id') param: string, @Body() body: unknown) {
    const [id, grounds] = [readId(param), readInput(groundsSchema, body)];
    return this.#changes.makeAndRing(sent, grounds, snapshotSubject(id), (tx) =>
      planDrill(tx, id, sent.requester, this.#services.clock),
    );
  }
}
