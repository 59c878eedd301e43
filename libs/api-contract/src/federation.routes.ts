import { createdFederationTokenSchema, federationSchema } from './federation.schema';
import { emptyObjectSchema } from './primitives.schema';
import type { RouteContract } from './route-contract';
import { idParamsSchema, ok } from './route-parts';

/** Datacenters that work together; a secondary is made by `createCluster` with `federationToken`. */
export const federationRoutes = {
  createFederationToken: {
    method: 'POST',
    path: '/v1/clusters/{id}/federation-tokens',
    summary: 'Let clusters of the same tenant follow this one as its secondary datacenters',
    tag: 'federation',
    access: 'bearer',
    params: idParamsSchema,
    body: emptyObjectSchema,
    answers: ok(createdFederationTokenSchema, 'The token. Never cached.'),
  },
  getFederation: {
    method: 'GET',
    path: '/v1/clusters/{id}/federation',
    summary: 'Tell which clusters a cluster is federated with',
    tag: 'federation',
    access: 'bearer',
    params: idParamsSchema,
    answers: ok(federationSchema),
  },
} as const satisfies Record<string, RouteContract>;
