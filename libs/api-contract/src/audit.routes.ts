import { clusterAuditEventListSchema } from './audit.schema';
import { pageQuerySchema } from './primitives.schema';
import type { RouteContract } from './route-contract';
import { idParamsSchema, ok } from './route-parts';

/** Who did what to a cluster. */
export const auditRoutes = {
  listClusterAuditEvents: {
    method: 'GET',
    path: '/v1/clusters/{id}/audit',
    summary: 'List who did what to a cluster, operators of the service too, the newest first, also when it is gone',
    tag: 'clusters',
    access: 'bearer',
    params: idParamsSchema,
    query: pageQuerySchema,
    answers: ok(clusterAuditEventListSchema),
  },
} as const satisfies Record<string, RouteContract>;
