import { Inject, Injectable } from '@nestjs/common';
import { seconds } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { isTerminal, type Operation } from '@managed-consul/operations';
import { API_SERVICES, type ApiServices } from '../api-services';
import { OperationsService } from '../operations/operations.service';
import { HcsPlaces, type HcsCall } from './hcs-call';
import { showHcsOperation } from './hcs-operation.view';

/** Azure waits a minute for an answer; what takes longer goes on without its client. */
const PATIENCE = seconds(40);

/** Operations in the shape of the HCS API. */
@Injectable()
export class HcsOperationsService {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;
  readonly #operations: OperationsService;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(HcsPlaces) places: HcsPlaces,
    @Inject(OperationsService) operations: OperationsService,
  ) {
    this.#services = services;
    this.#places = places;
    this.#operations = operations;
  }

  /** One that was just begun by the call. */
  async begun({ requester }: HcsCall, { operation }: { operation: { id: string } }) {
    return showHcsOperation(await this.#operations.get(requester, operation.id));
  }

  /** One of the installation that the address names. Throws ResourceNotFound. */
  async of(call: HcsCall, operationId: string) {
    const [installation, operation] = await Promise.all([
      this.#places.installation(call),
      this.#operations.get(call.requester, operationId),
    ]);
    if (operation.installationId !== installation.id) {
      throw new AppError('ResourceNotFound', `There is no operation ${operationId} in this resource group.`);
    }
    return showHcsOperation(operation);
  }

  /** Until when a client that expects its answer to be final may be kept waiting, by `performance.now()`. */
  giveUpAt(): number {
    return performance.now() + PATIENCE;
  }

  /** Waits for an operation whose client expects it to be over. Throws Conflict when it failed. */
  async ended(operationId: string, giveUpAt: number): Promise<void> {
    const { changes, operations, stopping } = this.#services;
    let operation: Operation | undefined = await operations.find(operationId);
    while (operation && !isTerminal(operation.state)) {
      const left = giveUpAt - performance.now();
      if (left <= 0 || stopping.signal.aborted) return;
      operation = await changes.waitForChange(operationId, operation.revision, seconds(left / 1000), stopping.signal);
    }
    if (operation?.state === 'Succeeded') return;
    throw new AppError('Conflict', operation?.errorMessage ?? 'The operation was canceled. Send the request again.');
  }
}
