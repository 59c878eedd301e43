import { acceptedOperationSchema } from './operation.schema';
import { createRotationRequestSchema } from './rotation.schema';
import type { RouteContract } from './route-contract';
import { accepted, idParamsSchema } from './route-parts';

/** Renewing keys, certificates and tokens. */
export const rotationRoutes = {
  createRotation: {
    method: 'POST',
    path: '/v1/clusters/{id}/rotations',
    summary: 'Renew a key, certificates or tokens while the cluster works on',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: createRotationRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
} as const satisfies Record<string, RouteContract>;
