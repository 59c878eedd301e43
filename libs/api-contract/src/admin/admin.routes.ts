import { z } from 'zod';
import { idParamsSchema } from '../route-parts';
import { azureRoutes } from './azure.routes';
import { billingRoutes } from './billing.routes';
import { breakGlassRoutes } from './break-glass.routes';
import { clusterCareRoutes } from './cluster-care.routes';
import { snapshotCareRoutes } from './snapshot-care.routes';
import { diagnosticRoutes } from './diagnostics.routes';
import { pauseRoutes } from './pauses.routes';
import { rolloutRoutes } from './rollouts.routes';
import { tenantRoutes } from './tenants.routes';
import {
  auditEventListSchema,
  auditQuerySchema,
  clusterDumpSchema,
  fleetClusterListSchema,
  fleetClusterQuerySchema,
  fleetClusterSchema,
  fleetOperationDetailSchema,
  fleetOperationListSchema,
  fleetOperationQuerySchema,
  fleetVersionListSchema,
  groundsSchema,
  queueSchema,
  setRegionSchema,
  setVersionSchema,
  skipStepSchema,
  writeAnswerSchema,
  writeQuerySchema,
  type AdminRole,
} from './admin.schema';

/** One route of the operators' API. `role` is the least that it takes; a route with a body is a write. */
export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT';
  path: `/admin/${string}`;
  summary: string;
  role: AdminRole;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodObject;
  answer: z.ZodType;
}

const write = { query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** Every route of the operators' API. Its guard reads the role here, so a route that is not in this list answers nobody. */
export const adminRoutes = {
  findClusters: {
    method: 'GET',
    path: '/admin/clusters',
    summary: 'Find clusters of all customers, the newest first',
    role: 'viewer',
    query: fleetClusterQuerySchema,
    answer: fleetClusterListSchema,
  },
  getCluster: {
    method: 'GET',
    path: '/admin/clusters/{id}',
    summary: 'Read a cluster',
    role: 'viewer',
    params: idParamsSchema,
    answer: fleetClusterSchema,
  },
  dumpCluster: {
    method: 'GET',
    path: '/admin/clusters/{id}/dump',
    summary: 'Read everything that is stored about a cluster, except secrets',
    role: 'viewer',
    params: idParamsSchema,
    answer: clusterDumpSchema,
  },
  findOperations: {
    method: 'GET',
    path: '/admin/operations',
    summary: 'Find operations of all customers, the newest first',
    role: 'viewer',
    query: fleetOperationQuerySchema,
    answer: fleetOperationListSchema,
  },
  getOperation: {
    method: 'GET',
    path: '/admin/operations/{id}',
    summary: 'Read an operation with its steps, their attempts and their errors',
    role: 'viewer',
    params: idParamsSchema,
    answer: fleetOperationDetailSchema,
  },
  retryOperation: {
    method: 'POST',
    path: '/admin/operations/{id}/retry',
    summary: 'Have an unfinished operation look again now, with the whole budget of tries',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  cancelOperation: {
    method: 'POST',
    path: '/admin/operations/{id}/cancel',
    summary: 'Ask an unfinished change to stop before its next step',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  skipStep: {
    method: 'POST',
    path: '/admin/operations/{id}/skip-step',
    summary: 'Have an unfinished operation go on without the step that it waits at, where its workflow allows that',
    role: 'lead',
    params: idParamsSchema,
    body: skipStepSchema,
    ...write,
  },
  getQueue: {
    method: 'GET',
    path: '/admin/queue',
    summary: 'How much is to be done, who works on it, and what fails again and again',
    role: 'viewer',
    answer: queueSchema,
  },
  listVersions: {
    method: 'GET',
    path: '/admin/versions',
    summary: 'List the Consul versions of the catalogue, with how many clusters want each',
    role: 'viewer',
    answer: fleetVersionListSchema,
  },
  setVersion: {
    method: 'PUT',
    path: '/admin/versions/{version}',
    summary: 'Say whether a Consul version may be installed; a dry run tells how many clusters want it',
    role: 'lead',
    params: z.strictObject({ version: z.string().max(40) }),
    body: setVersionSchema,
    ...write,
  },
  setRegion: {
    method: 'PUT',
    path: '/admin/regions/{name}',
    summary: 'Open a region for new clusters, or close it',
    role: 'operator',
    params: z.strictObject({ name: z.string().max(100) }),
    body: setRegionSchema,
    ...write,
  },
  searchAudit: {
    method: 'GET',
    path: '/admin/audit',
    summary: 'Search the audit record, the newest first; that somebody did is recorded too',
    role: 'viewer',
    query: auditQuerySchema,
    answer: auditEventListSchema,
  },
  ...rolloutRoutes,
  ...pauseRoutes,
  ...tenantRoutes,
  ...clusterCareRoutes,
  ...snapshotCareRoutes,
  ...diagnosticRoutes,
  ...azureRoutes,
  ...billingRoutes,
  ...breakGlassRoutes,
} as const satisfies Record<string, AdminRoute>;

export type AdminRouteName = keyof typeof adminRoutes;
