import { Inject, Injectable } from '@nestjs/common';
import type { ClusterWithServers } from '@managed-consul/clusters';
import { seconds } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { isTerminal } from '@managed-consul/operations';
import { API_SERVICES, type ApiServices } from '../api-services';
import { HcsPlaces, type HcsCall } from './hcs-call';
import { HcsOperationsService } from './hcs-operations.service';

/** How operations are signed that the service began by itself. */
const BY_SCHEDULES = 'schedule/';

/** Older than every state of an operation. */
const BEFORE_ALL = -1;

/**
 * Lets changes wait for what the service does by itself. Programs for the original service take a refusal for the end of their run,
 * and nobody told them of a scheduled snapshot; an operation that somebody asked for is told at once.
 */
@Injectable()
export class HcsTurns {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;
  readonly #operations: HcsOperationsService;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(HcsPlaces) places: HcsPlaces,
    @Inject(HcsOperationsService) operations: HcsOperationsService,
  ) {
    this.#services = services;
    this.#places = places;
    this.#operations = operations;
  }

  /** Changes the only cluster. Throws what `onlyCluster` and `change` throw; OperationInProgress after the patience of its clients too. */
  async take<Result>(
    call: HcsCall,
    change: (cluster: ClusterWithServers) => Promise<Result>,
    giveUpAt = this.#operations.giveUpAt(),
  ): Promise<Result> {
    const { changes, stopping } = this.#services;
    for (;;) {
      const cluster = await this.#places.onlyCluster(call);
      try {
        return await change(cluster);
      } catch (error) {
        const inTheWay = await this.#ownWork(error);
        const left = giveUpAt - performance.now();
        if (!inTheWay || left <= 0 || stopping.signal.aborted) throw error;
        await changes.waitForChange(inTheWay.id, inTheWay.revision, seconds(left / 1000), stopping.signal);
      }
    }
  }

  async #ownWork(error: unknown): Promise<{ id: string; revision: number } | undefined> {
    if (!(error instanceof AppError) || error.code !== 'OperationInProgress' || error.target === undefined) return undefined;
    const operation = await this.#services.operations.find(error.target);
    if (!operation?.requestedBy.startsWith(BY_SCHEDULES)) return undefined;
    return { id: operation.id, revision: isTerminal(operation.state) ? BEFORE_ALL : operation.revision };
  }
}
