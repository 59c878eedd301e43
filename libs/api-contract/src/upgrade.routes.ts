import { clusterSchema } from './cluster.schema';
import { acceptedOperationSchema } from './operation.schema';
import type { RouteContract } from './route-contract';
import { accepted, idParamsSchema, ok } from './route-parts';
import {
  deferUpgradesRequestSchema,
  upgradePreviewSchema,
  upgradeRequestSchema,
  upgradeVersionListSchema,
} from './upgrade.schema';

/** Later Consul versions: which, how, when. */
export const upgradeRoutes = {
  listUpgradeVersions: {
    method: 'GET',
    path: '/v1/clusters/{id}/upgrade-versions',
    summary: 'List the later Consul versions, each with the way there or what is in it',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    answers: ok(upgradeVersionListSchema),
  },
  previewUpgrade: {
    method: 'POST',
    path: '/v1/clusters/{id}/upgrade-preview',
    summary: 'Say what an upgrade would do and what stands in its way; nothing is stored',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: upgradeRequestSchema,
    answers: ok(upgradePreviewSchema),
  },
  upgradeCluster: {
    method: 'POST',
    path: '/v1/clusters/{id}/upgrade',
    summary: 'Bring the servers to a later Consul version, one at a time',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: upgradeRequestSchema,
    idempotent: true,
    conditional: true,
    startsOperation: true,
    answers: accepted(acceptedOperationSchema),
  },
  deferUpgrades: {
    method: 'POST',
    path: '/v1/clusters/{id}/upgrade/defer',
    summary: 'Put automatic upgrades off, or end that',
    tag: 'lifecycle',
    access: 'bearer',
    params: idParamsSchema,
    body: deferUpgradesRequestSchema,
    idempotent: true,
    conditional: true,
    answers: ok(clusterSchema),
  },
} as const satisfies Record<string, RouteContract>;
