import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Requester } from '@managed-consul/access';
import type { OperationResultBody } from '@managed-consul/api-contract';
import { getCluster, OPERATION_KINDS } from '@managed-consul/clusters';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { getRestorePreview, getSnapshot, getSnapshotLink } from '@managed-consul/snapshots';
import { API_SERVICES, type ApiServices } from '../api-services';
import { ClustersService } from '../clusters/clusters.service';
import { showSnapshot } from '../snapshots/snapshot.view';

/** What an operation led to, and whether it is a secret. */
export interface OperationResult {
  body: OperationResultBody;
  secret?: true;
}

/** Operations whose result is the snapshot that they work on. */
const ABOUT_SNAPSHOTS: readonly string[] = [
  OPERATION_KINDS.takeSnapshot,
  OPERATION_KINDS.deleteSnapshot,
  OPERATION_KINDS.drillSnapshot,
];

const snapshotInputSchema = z.object({ snapshotId: z.string() });

/** What is gone has nothing to show; every other failure is one. */
async function unlessGone<Shown>(read: Promise<Shown>): Promise<Shown | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof AppError && error.code === 'ResourceNotFound') return undefined;
    throw error;
  }
}

/** Shows what operations that have ended led to. */
@Injectable()
export class OperationResultsService {
  readonly #services: ApiServices;
  readonly #clusters: ClustersService;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(ClustersService) clusters: ClustersService) {
    this.#services = services;
    this.#clusters = clusters;
  }

  /** Undefined when there is nothing to show. The caller was found to be allowed to see the operation. */
  async resultOf(requester: Requester, operation: Operation): Promise<OperationResult | undefined> {
    if (operation.kind === OPERATION_KINDS.createSnapshotLink) return this.#linkOf(requester, operation);
    if (operation.kind === OPERATION_KINDS.previewRestore) return this.#previewOf(requester, operation);
    if (ABOUT_SNAPSHOTS.includes(operation.kind)) return this.#snapshotOf(requester, operation);
    return this.#clusterOf(requester, operation);
  }

  async #clusterOf(requester: Requester, { clusterId }: Operation): Promise<OperationResult | undefined> {
    if (clusterId === null) return undefined;
    const { prisma } = this.#services.database;
    const cluster = await getCluster(prisma, requester, clusterId, { deleted: true });
    return cluster.deletedAt === null ? { body: await this.#clusters.showOne(cluster) } : undefined;
  }

  async #snapshotOf(requester: Requester, { input }: Operation): Promise<OperationResult | undefined> {
    const { snapshotId } = snapshotInputSchema.parse(input);
    const snapshot = await unlessGone(getSnapshot(this.#services.database.prisma, requester, snapshotId));
    return snapshot ? { body: showSnapshot(snapshot) } : undefined;
  }

  async #previewOf(requester: Requester, { id: operationId, state }: Operation): Promise<OperationResult | undefined> {
    if (state !== 'Succeeded') return undefined;
    return { body: await getRestorePreview(this.#services.database, { requester, operationId }) };
  }

  /** The link is forgotten as it is shown, so an operation without one has nothing to show and is not asked for it. */
  async #linkOf(requester: Requester, { id: operationId, state }: Operation): Promise<OperationResult | undefined> {
    if (state !== 'Succeeded') return undefined;
    const { database, secrets } = this.#services;
    const link = await database.prisma.$transaction((tx) => getSnapshotLink(tx, secrets, { requester, operationId }));
    return { body: link, secret: true };
  }
}
