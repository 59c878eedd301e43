import { Inject, Injectable } from '@nestjs/common';
import { answerOnce, type Requester, type StoredAnswer } from '@managed-consul/access';
import { snapshotSubject } from '@managed-consul/clusters';
import type { Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import {
  getSnapshot,
  requestDeleteSnapshot,
  requestDrill,
  requestRenameSnapshot,
  requestSnapshotLink,
  requestTakeSnapshot,
  type SnapshotWish,
} from '@managed-consul/snapshots';
import { API_SERVICES, type ApiServices } from '../api-services';
import { showOperation } from '../operations/operation.view';
import { OperationsService } from '../operations/operations.service';
import { RequestsService, type SentRequest } from '../operations/requests.service';
import type { AcceptedAnswer } from '../operations/starts-operation';
import { showSnapshot } from './snapshot.view';

/** Turns requests about snapshots into the domain's requests. */
@Injectable()
export class SnapshotsService {
  readonly #services: ApiServices;
  readonly #requests: RequestsService;
  readonly #operations: OperationsService;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(RequestsService) requests: RequestsService,
    @Inject(OperationsService) operations: OperationsService,
  ) {
    this.#services = services;
    this.#requests = requests;
    this.#operations = operations;
  }

  take(sent: SentRequest, clusterId: string, name: string | undefined): Promise<AcceptedAnswer> {
    const { requester } = sent;
    return this.#requests.onCluster(sent, clusterId, async (tx) => {
      const { snapshot, operation } = await requestTakeSnapshot(tx, { requester, clusterId, name }, this.#services.clock);
      return { operation, shown: { snapshot: showSnapshot(snapshot) } };
    });
  }

  async rename({ requester, repeatable }: SentRequest, snapshotId: string, name: string): Promise<StoredAnswer['body']> {
    await this.#requireContributor(requester, snapshotId);
    const answer = await answerOnce(this.#services.database, requester, repeatable, async (tx) => {
      const snapshot = await requestRenameSnapshot(tx, { requester, snapshotId, name });
      return { status: 200, body: showSnapshot(snapshot) };
    });
    return answer.body;
  }

  link(sent: SentRequest, snapshotId: string): Promise<AcceptedAnswer> {
    return this.#onSnapshot(sent, snapshotId, requestSnapshotLink);
  }

  drill(sent: SentRequest, snapshotId: string): Promise<AcceptedAnswer> {
    return this.#onSnapshot(sent, snapshotId, requestDrill);
  }

  /** Asked for again, it is the delete that is under way. */
  async delete(requester: Requester, snapshotId: string): Promise<AcceptedAnswer> {
    const { database, operations, clock } = this.#services;
    const { id } = await database.prisma.$transaction((tx) => requestDeleteSnapshot(tx, { requester, snapshotId }, clock));
    // Rings for the delete and for the link or drill that it overtakes, which has to stop first.
    void operations.nudge(snapshotSubject(snapshotId)).catch(() => undefined);
    return { operation: showOperation(await this.#operations.get(requester, id)) };
  }

  async #onSnapshot(
    sent: SentRequest,
    snapshotId: string,
    request: (tx: Transaction, wish: SnapshotWish, clock: ApiServices['clock']) => Promise<Operation>,
  ): Promise<AcceptedAnswer> {
    const { requester } = sent;
    await this.#requireContributor(requester, snapshotId);
    return this.#requests.once(sent, async (tx) => ({
      operation: await request(tx, { requester, snapshotId }, this.#services.clock),
    }));
  }

  /** Before any stored answer: the role that an earlier request had may be gone since. */
  async #requireContributor(requester: Requester, snapshotId: string): Promise<void> {
    await getSnapshot(this.#services.database.prisma, requester, snapshotId, { needed: 'Contributor' });
  }
}
