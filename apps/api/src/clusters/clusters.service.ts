import { Inject, Injectable } from '@nestjs/common';
import { createClusterRequestSchema, updateClusterRequestSchema, type ClusterBody } from '@managed-consul/api-contract';
import { answerOnce, type RepeatableRequest, type Requester, type StoredAnswer } from '@managed-consul/access';
import {
  clusterSubject,
  findCreateProblems,
  getCluster,
  readUpkeep,
  requestCreateCluster,
  requestDeleteCluster,
  updateCluster,
  type ClusterWithServers,
  type CreateClusterOutcome,
  type CreateClusterWish,
  type CreatedCluster,
  type DeleteClusterWish,
} from '@managed-consul/clusters';
import type { Database, Transaction } from '@managed-consul/database';
import type { ErrorDetail } from '@managed-consul/errors';
import { findSecondaryProblems, requestSecondaryCluster } from '@managed-consul/federation';
import { findCloneProblems, requestCloneCluster } from '@managed-consul/snapshots';
import { examineInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { showOperation } from '../operations/operation.view';
import { showCluster } from './cluster.view';

const answerOf = ({ cluster, operation }: CreatedCluster): StoredAnswer => ({
  status: 202,
  body: { cluster: showCluster({ ...cluster, serverRecords: [] }, cluster.createdAt), operation: showOperation(operation) },
});

interface AskedCluster {
  wish: CreateClusterWish;
  snapshotId: string | undefined;
  federationToken: string | undefined;
}

/** Its tokens come from its primary, and those of a snapshot would contradict them. */
const SNAPSHOT_OF_SECONDARY: ErrorDetail = {
  code: 'SecondaryFromSnapshot',
  target: 'restoreFromSnapshotId',
  message: 'A secondary datacenter cannot begin with a snapshot. Leave restoreFromSnapshotId or federationToken out.',
};

/**
 * What a body asks for, the snapshot that the new cluster shall begin with, and whom it shall follow; what does not fit is told
 * with the rest.
 */
function wishOf(requester: Requester, body: unknown): AskedCluster {
  const { fields, problems } = examineInput(createClusterRequestSchema, body);
  const { restoreFromSnapshotId: snapshotId, federationToken, ...draft } = fields;
  const both = snapshotId !== undefined && federationToken !== undefined ? [SNAPSHOT_OF_SECONDARY] : [];
  return { wish: { requester, draft, shapeProblems: [...problems, ...both] }, snapshotId, federationToken };
}

/** Turns requests about clusters into the domain's requests, and rings the bell behind them. */
@Injectable()
export class ClustersService {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /** Clusters as customers see them now, with what the service does for them by itself. */
  async show(
    clusters: readonly ClusterWithServers[],
    database: Database['prisma'] | Transaction = this.#services.database.prisma,
  ): Promise<ClusterBody[]> {
    const ids = clusters.map(({ id }) => id);
    const upkeep = await readUpkeep(database, ids);
    return clusters.map((cluster) => showCluster(cluster, this.#services.clock.now(), upkeep.get(cluster.id)));
  }

  /** One of them, read now. Throws ResourceNotFound. */
  async read(requester: Requester, clusterId: string): Promise<ClusterBody> {
    return this.showOne(await getCluster(this.#services.database.prisma, requester, clusterId));
  }

  async showOne(cluster: ClusterWithServers, database?: Transaction): Promise<ClusterBody> {
    const [shown] = await this.show([cluster], database);
    if (!shown) throw new Error('A cluster was not shown.');
    return shown;
  }

  /** Every problem of a create, without creating. */
  async preflight(requester: Requester, body: unknown): Promise<ErrorDetail[]> {
    const { database, secrets, clock } = this.#services;
    const { wish, snapshotId, federationToken } = wishOf(requester, body);
    if (federationToken !== undefined) return findSecondaryProblems(database, secrets, { ...wish, federationToken }, clock);
    return snapshotId === undefined ? findCreateProblems(database, wish) : findCloneProblems(database, { ...wish, snapshotId });
  }

  /** Records a create; the answer to a repetition is the first one. */
  async create(requester: Requester, body: unknown, repeatable: RepeatableRequest | undefined): Promise<StoredAnswer> {
    const { wish, ...more } = wishOf(requester, body);
    const outcome = await this.#request({ wish: { ...wish, repeatable, answer: answerOf }, ...more });
    if (outcome.repeated) return outcome.repeated;
    // Not awaited: the operation is stored, and a bell that is not heard is rung again by the sweeper.
    void this.#services.bell.ring(outcome.created.operation);
    return answerOf(outcome.created);
  }

  #request({ wish, snapshotId, federationToken }: AskedCluster): Promise<CreateClusterOutcome> {
    const { database, secrets, clock } = this.#services;
    if (federationToken !== undefined) return requestSecondaryCluster(database, secrets, { ...wish, federationToken }, clock);
    if (snapshotId !== undefined) return requestCloneCluster(database, { ...wish, snapshotId }, clock);
    return requestCreateCluster(database, wish, clock);
  }

  /** Changes what can be changed at once. */
  async update(
    requester: Requester,
    clusterId: string,
    body: unknown,
    conditions: { repeatable: RepeatableRequest | undefined; ifMatch: string | undefined },
  ): Promise<StoredAnswer> {
    const { fields, problems } = examineInput(updateClusterRequestSchema, body);
    const { repeatable, ifMatch } = conditions;
    const { database, clock } = this.#services;
    // Looked at before any stored answer: the role that an earlier request had may be gone since.
    await getCluster(database.prisma, requester, clusterId, { needed: 'Contributor', deleted: repeatable !== undefined });
    return answerOnce(database, requester, repeatable, async (tx) => {
      const cluster = await updateCluster(tx, { requester, clusterId, ...fields, shapeProblems: problems, ifMatch }, clock);
      return { status: 200, body: await this.showOne(cluster, tx) };
    });
  }

  /** Records a delete and gives the id of its operation; undefined when the cluster is deleted already. */
  async delete(wish: DeleteClusterWish): Promise<string | undefined> {
    const { database, operations, clock } = this.#services;
    const operationId = await database.prisma.$transaction((tx) => requestDeleteCluster(tx, wish, clock));
    // Rings for the delete and for the change that it overtakes, which has to stop first.
    if (operationId) void operations.nudge(clusterSubject(wish.clusterId)).catch(() => undefined);
    return operationId;
  }
}
