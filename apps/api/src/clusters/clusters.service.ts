import { Inject, Injectable } from '@nestjs/common';
import { createClusterRequestSchema, updateClusterRequestSchema } from '@managed-consul/api-contract';
import { answerOnce, type RepeatableRequest, type Requester, type StoredAnswer } from '@managed-consul/access';
import {
  clusterSubject,
  findCreateProblems,
  getCluster,
  requestCreateCluster,
  requestDeleteCluster,
  updateCluster,
  type CreatedCluster,
} from '@managed-consul/clusters';
import type { ErrorDetail } from '@managed-consul/errors';
import { API_SERVICES, type ApiServices } from '../api-services';
import { examineInput } from '../http/contract-input';
import { showOperation } from '../operations/operation.view';
import { showCluster } from './cluster.view';

const answerOf = ({ cluster, operation }: CreatedCluster): StoredAnswer => ({
  status: 202,
  body: { cluster: showCluster({ ...cluster, serverRecords: [] }), operation: showOperation(operation) },
});

/** Turns requests about clusters into the domain's requests, and rings the bell behind them. */
@Injectable()
export class ClustersService {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /** Every problem of a create, without creating. */
  async preflight(requester: Requester, body: unknown): Promise<ErrorDetail[]> {
    const { fields, problems } = examineInput(createClusterRequestSchema, body);
    return findCreateProblems(this.#services.database, { requester, draft: fields, shapeProblems: problems });
  }

  /** Records a create; the answer to a repetition is the first one. */
  async create(requester: Requester, body: unknown, repeatable: RepeatableRequest | undefined): Promise<StoredAnswer> {
    const { database, bell, clock } = this.#services;
    const { fields, problems } = examineInput(createClusterRequestSchema, body);
    const wish = { requester, draft: fields, shapeProblems: problems, repeatable, answer: answerOf };
    const outcome = await requestCreateCluster(database, wish, clock);
    if (outcome.repeated) return outcome.repeated;
    // Not awaited: the operation is stored, and a bell that is not heard is rung again by the sweeper.
    void bell.ring(outcome.created.operation);
    return answerOf(outcome.created);
  }

  /** Changes tags and email. */
  async update(
    requester: Requester,
    clusterId: string,
    body: unknown,
    conditions: { repeatable: RepeatableRequest | undefined; ifMatch: string | undefined },
  ): Promise<StoredAnswer> {
    const { fields, problems } = examineInput(updateClusterRequestSchema, body);
    const { repeatable, ifMatch } = conditions;
    const { database } = this.#services;
    // Looked at before any stored answer: the role that an earlier request had may be gone since.
    await getCluster(database.prisma, requester, clusterId, { needed: 'Contributor', deleted: repeatable !== undefined });
    return answerOnce(database, requester, repeatable, async (tx) => {
      const cluster = await updateCluster(tx, { requester, clusterId, ...fields, shapeProblems: problems, ifMatch });
      return { status: 200, body: showCluster(cluster) };
    });
  }

  /** Records a delete and gives the id of its operation; undefined when the cluster is deleted already. */
  async delete(requester: Requester, clusterId: string, ifMatch: string | undefined): Promise<string | undefined> {
    const { database, operations, clock } = this.#services;
    const operationId = await database.prisma.$transaction((tx) =>
      requestDeleteCluster(tx, { requester, clusterId, ifMatch }, clock),
    );
    // Rings for the delete and for the change that it overtakes, which has to stop first.
    if (operationId) void operations.nudge(clusterSubject(clusterId)).catch(() => undefined);
    return operationId;
  }
}
