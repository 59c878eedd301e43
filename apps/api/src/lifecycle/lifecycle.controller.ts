import { Body, Controller, Inject, Param, Post } from '@nestjs/common';
import {
  createRotationRequestSchema,
  previewRestoreRequestSchema,
  recoverQuorumRequestSchema,
  restoreRequestSchema,
} from '@managed-consul/api-contract';
import { readId, readInput } from '../http/contract-input';
import { FromSender, type SentRequest } from '../operations/requests.service';
import { StartsOperation } from '../operations/starts-operation';
import { LifecycleService } from './lifecycle.service';

/** What changes a cluster as an operation: its address names the change, its body says which. */
@Controller('v1/clusters/:id')
export class LifecycleController {
  readonly #lifecycle: LifecycleService;

  constructor(@Inject(LifecycleService) lifecycle: LifecycleService) {
    this.#lifecycle = lifecycle;
  }

  @Post('restore-preview')
  @StartsOperation()
  async previewRestore(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.previewRestore(sent, readId(id), readInput(previewRestoreRequestSchema, body));
  }

  @Post('restore')
  @StartsOperation()
  async restore(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.restore(sent, readId(id), readInput(restoreRequestSchema, body));
  }

  @Post('recover-quorum')
  @StartsOperation()
  async recoverQuorum(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.recoverQuorum(sent, readId(id), readInput(recoverQuorumRequestSchema, body));
  }

  @Post('rotations')
  @StartsOperation()
  async rotate(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.rotate(sent, readId(id), readInput(createRotationRequestSchema, body));
  }
}
