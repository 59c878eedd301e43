import { Body, Controller, Inject, Param, Post } from '@nestjs/common';
import { createRotationRequestSchema } from '@managed-consul/api-contract';
import { requestRotation } from '@managed-consul/clusters';
import { API_SERVICES, type ApiServices } from '../api-services';
import { readId, readInput } from '../http/contract-input';
import { FromSender, RequestsService, type SentRequest } from '../operations/requests.service';
import { StartsOperation } from '../operations/starts-operation';

/** What changes a cluster as an operation: `/v1/clusters/{id}/rotations`. */
@Controller('v1/clusters/:id')
export class LifecycleController {
  readonly #services: ApiServices;
  readonly #requests: RequestsService;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(RequestsService) requests: RequestsService) {
    this.#services = services;
    this.#requests = requests;
  }

  @Post('rotations')
  @StartsOperation()
  async rotate(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    const { what } = readInput(createRotationRequestSchema, body);
    const { requester } = sent;
    const clusterId = readId(id);
    return this.#requests.onCluster(sent, clusterId, async (tx) => ({
      operation: await requestRotation(tx, { requester, clusterId, what }, this.#services.clock),
    }));
  }
}
