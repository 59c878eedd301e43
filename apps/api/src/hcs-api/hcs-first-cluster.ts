import { Inject, Injectable } from '@nestjs/common';
import { applicationSubject, clusterSubject, OPERATION_KINDS } from '@managed-consul/clusters';
import { seconds } from '@managed-consul/config';
import type { Installation } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { API_SERVICES, type ApiServices } from '../api-services';
import { HcsPlaces, type HcsCall } from './hcs-call';

/** Terraform tries three times more: long enough for a cluster to be made meanwhile. */
const COME_BACK_AFTER_SECONDS = 120;

interface Awaited {
  id: string;
  revision: number;
}

/**
 * The cluster of an application that Azure has just set up. Programs for the original service ask for its token then and there,
 * because Azure was not done there before the cluster was; here Azure tells the service when it is done, and the cluster follows.
 */
@Injectable()
export class HcsFirstCluster {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(HcsPlaces) places: HcsPlaces) {
    this.#services = services;
    this.#places = places;
  }

  /**
   * Waits until neither the cluster nor its registration is being made any more. Throws ResourceNotFound, and ServiceUnavailable when
   * `giveUpAt`, by `performance.now()`, comes first.
   */
  async made(call: HcsCall, giveUpAt: number): Promise<void> {
    const { changes, stopping } = this.#services;
    for (;;) {
      const awaited = await this.#awaited(call);
      if (!awaited) return;
      const left = giveUpAt - performance.now();
      if (left <= 0 || stopping.signal.aborted) {
        const retry = { retryAfterSeconds: COME_BACK_AFTER_SECONDS };
        throw new AppError('ServiceUnavailable', 'The cluster is still being made. Send the request again.', retry);
      }
      await changes.waitForChange(awaited.id, awaited.revision, seconds(left / 1000), stopping.signal);
    }
  }

  async #awaited(call: HcsCall): Promise<Awaited | undefined> {
    const installation = await this.#places.installation(call);
    const [cluster] = await this.#places.clustersOf(call, installation);
    return cluster ? this.#unfinished(clusterSubject(cluster.id), MAKING) : this.#registration(installation);
  }

  async #registration({ applicationId }: Installation): Promise<Awaited | undefined> {
    if (applicationId === null) return undefined;
    return this.#unfinished(applicationSubject(applicationId), [OPERATION_KINDS.registerInstallation]);
  }

  async #unfinished(subject: string, kinds: readonly string[]): Promise<Awaited | undefined> {
    const where = { subject, kind: { in: [...kinds] }, state: { in: ['Pending' as const, 'Running' as const] } };
    const found = await this.#services.database.prisma.operation.findFirst({ where, select: { id: true, revision: true } });
    return found ?? undefined;
  }
}

const MAKING = [OPERATION_KINDS.createCluster, OPERATION_KINDS.createSecondary];
