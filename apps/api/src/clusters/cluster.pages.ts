import { z } from 'zod';
import type { ClusterWithServers, ListPosition } from '@managed-consul/clusters';
import type { ClusterEvent } from '@managed-consul/database';
import { creationPosition, type PagedList, writeCreation } from '@managed-consul/http-api';

export const clusterPages: PagedList<ClusterWithServers, ListPosition> = {
  name: 'clusters',
  write: writeCreation,
  schema: creationPosition,
};

export const clusterEventPages: PagedList<ClusterEvent, bigint> = {
  name: 'cluster-events',
  write: (event) => ({ id: event.id.toString() }),
  schema: z.strictObject({ id: z.string().regex(/^\d{1,18}$/) }).transform(({ id }) => BigInt(id)),
};

/** An event as customers see it. */
export const showClusterEvent = (event: ClusterEvent) => ({
  id: event.id.toString(),
  operationId: event.operationId,
  type: event.type,
  message: event.message,
  at: event.at.toISOString(),
});
