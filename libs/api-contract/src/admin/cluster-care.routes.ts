import { idParamsSchema } from '../route-parts';
import { groundsSchema, writeAnswerSchema, writeQuerySchema } from './admin.schema';
import { clusterServerParamsSchema, removePeerSchema, rotateClusterSchema } from './cluster-care.schema';

const write = { query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** What operators have done to one cluster, as an operation; many at once are a rollout. */
export const clusterCareRoutes = {
  rotateCluster: {
    method: 'POST',
    path: '/admin/clusters/{id}/rotate',
    summary: 'Make keys, certificates or tokens of one cluster anew while it works on',
    role: 'operator',
    params: idParamsSchema,
    body: rotateClusterSchema,
    ...write,
  },
  repairCluster: {
    method: 'POST',
    path: '/admin/clusters/{id}/repair',
    summary: 'Repair what stands against one cluster now: servers, machines, security rules',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  restartServer: {
    method: 'POST',
    path: '/admin/clusters/{id}/servers/{server}/restart',
    summary: 'Restart Consul on one server',
    role: 'operator',
    params: clusterServerParamsSchema,
    body: groundsSchema,
    ...write,
  },
  redeployServer: {
    method: 'POST',
    path: '/admin/clusters/{id}/servers/{server}/redeploy',
    summary: 'Move one server to another host of Azure',
    role: 'operator',
    params: clusterServerParamsSchema,
    body: groundsSchema,
    ...write,
  },
  replaceServer: {
    method: 'POST',
    path: '/admin/clusters/{id}/servers/{server}/replace',
    summary: 'Replace one server by a new one',
    role: 'operator',
    params: clusterServerParamsSchema,
    body: groundsSchema,
    ...write,
  },
  transferLeadership: {
    method: 'POST',
    path: '/admin/clusters/{id}/transfer-leadership',
    summary: 'Have another server lead',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  removePeer: {
    method: 'POST',
    path: '/admin/clusters/{id}/remove-peer',
    summary: 'Take a failed peer that is no server any more out of Raft',
    role: 'operator',
    params: idParamsSchema,
    body: removePeerSchema,
    ...write,
  },
} as const;
