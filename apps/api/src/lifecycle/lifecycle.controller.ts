import { Body, Controller, Inject, Param, Post } from '@nestjs/common';
import {
  createRotationRequestSchema,
  previewRestoreRequestSchema,
  recoverQuorumRequestSchema,
  resizeRequestSchema,
  restoreRequestSchema,
  scaleRequestSchema,
} from '@managed-consul/api-contract';
import { readId, readInput, readNothing } from '@managed-consul/http-api';
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

  @Post('scale')
  @StartsOperation()
  async scale(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.scale(sent, readId(id), readInput(scaleRequestSchema, body));
  }

  @Post('resize')
  @StartsOperation()
  async resize(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.resize(sent, readId(id), readInput(resizeRequestSchema, body));
  }

  @Post('suspend')
  @StartsOperation()
  async suspend(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    readNothing(body);
    return this.#lifecycle.suspend(sent, readId(id));
  }

  @Post('resume')
  @StartsOperation()
  async resume(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    readNothing(body);
    return this.#lifecycle.resume(sent, readId(id));
  }

  @Post('repair')
  @StartsOperation()
  async repair(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    readNothing(body);
    return this.#lifecycle.repair(sent, readId(id));
  }

  @Post('rotations')
  @StartsOperation()
  async rotate(@FromSender() sent: SentRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.#lifecycle.rotate(sent, readId(id), readInput(createRotationRequestSchema, body));
  }
}
