import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { clusterServerParamsSchema, groundsSchema, removePeerSchema, rotateClusterSchema } from '@managed-consul/api-contract';
import { clusterSubject } from '@managed-consul/clusters';
import { planClusterTask, type ClusterTask, type ServerTask } from '@managed-consul/fleet';
import { readId, readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { ChangesService, FromSender, type SentChange } from '../http/changes.service';

/** What operators have done to one cluster. */
@Controller('admin/clusters')
export class ClusterCareController {
  readonly #services: AdminServices;
  readonly #changes: ChangesService;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices, @Inject(ChangesService) changes: ChangesService) {
    this.#services = services;
    this.#changes = changes;
  }

  @Post(':id/rotate')
  @HttpCode(200)
  async rotate(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const { what, ...grounds } = readInput(rotateClusterSchema, body);
    return this.#ask(sent, readId(id), { task: what }, grounds);
  }

  @Post(':id/repair')
  @HttpCode(200)
  async repair(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    return this.#ask(sent, readId(id), { task: 'Repair' }, readInput(groundsSchema, body));
  }

  @Post(':id/servers/:server/restart')
  @HttpCode(200)
  async restart(@FromSender() sent: SentChange, @Param() params: unknown, @Body() body: unknown) {
    return this.#askOfServer(sent, 'Restart', params, body);
  }

  @Post(':id/servers/:server/redeploy')
  @HttpCode(200)
  async redeploy(@FromSender() sent: SentChange, @Param() params: unknown, @Body() body: unknown) {
    return this.#askOfServer(sent, 'Redeploy', params, body);
  }

  @Post(':id/servers/:server/replace')
  @HttpCode(200)
  async replace(@FromSender() sent: SentChange, @Param() params: unknown, @Body() body: unknown) {
    return this.#askOfServer(sent, 'Replace', params, body);
  }

  @Post(':id/transfer-leadership')
  @HttpCode(200)
  async transferLeadership(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    return this.#ask(sent, readId(id), { task: 'TransferLeadership' }, readInput(groundsSchema, body));
  }

  @Post(':id/remove-peer')
  @HttpCode(200)
  async removePeer(@FromSender() sent: SentChange, @Param('id') id: string, @Body() body: unknown) {
    const { address, ...grounds } = readInput(removePeerSchema, body);
    return this.#ask(sent, readId(id), { task: 'RemovePeer', address }, grounds);
  }

  #askOfServer(sent: SentChange, task: ServerTask, params: unknown, body: unknown) {
    const { id, server } = readInput(clusterServerParamsSchema, params);
    return this.#ask(sent, id, { task, server }, readInput(groundsSchema, body));
  }

  #ask(sent: SentChange, clusterId: string, wish: ClusterTask, grounds: { reason: string; ticket: string }) {
    const by = { requester: sent.requester, reason: grounds.reason };
    return this.#changes.makeAndRing(sent, grounds, clusterSubject(clusterId), (tx) =>
      planClusterTask(tx, clusterId, wish, by, this.#services.clock),
    );
  }
}
