import { acceptedOperationSchema } from './operation.schema';
import { emptyObjectSchema } from './primitives.schema';
import type { RouteContract } from './route-contract';
import { accepted, idParamsSchema } from './route-parts';
import { resizeRequestSchema, scaleRequestSchema } from './servers.schema';

/** How many servers, how large, and whether they run as they should. */
export const serversRoutes = {
  scaleCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/scale',
    summary: 'Change the number of servers',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: scaleRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  resizeCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/resize',
    summary: 'Change the machine size of the servers',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: resizeRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  suspendCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/suspend',
    summary: 'Stop the servers and their machines; the data stays and the machines are not billed',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: emptyObjectSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  resumeCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/resume',
    summary: 'Start a suspended cluster',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: emptyObjectSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  repairCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/repair',
    summary: 'Have a cluster looked over and repaired now, without waiting until the service does so by itself',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: emptyObjectSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
} as const satisfies Record<string, RouteContract>;
