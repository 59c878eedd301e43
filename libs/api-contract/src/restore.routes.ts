import { acceptedOperationSchema } from './operation.schema';
import { previewRestoreRequestSchema, recoverQuorumRequestSchema, restoreRequestSchema } from './restore.schema';
import type { RouteContract } from './route-contract';
import { accepted, idParamsSchema } from './route-parts';

/** Bringing a cluster back; into a new one, `createCluster` does it with `restoreFromSnapshotId`. */
export const restoreRoutes = {
  previewRestore: {
    method: 'POST',
    path: '/v1/clusters/{id}/restore-preview',
    summary: 'Find out what a restore would do; the result of the operation tells',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: previewRestoreRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  restoreCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/restore',
    summary: 'Put a cluster back to one of its snapshots',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: restoreRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  recoverQuorum: {
    method: 'POST',
    path: '/v1/clusters/{id}/recover-quorum',
    summary: 'Give a cluster that lost most of its servers a quorum again',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: recoverQuorumRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
} as const satisfies Record<string, RouteContract>;
