import { diagnosticAnswerSchema, diagnosticParamsSchema } from './diagnostics.schema';

/** What a cluster's Consul says of itself, through the tunnel of one of its servers. */
export const diagnosticRoutes = {
  diagnoseConsul: {
    method: 'GET',
    path: '/admin/clusters/{id}/consul/{diagnostic}',
    summary: 'Ask a server of a cluster for members, raft, autopilot, metrics, usage or keyring (counts only)',
    role: 'operator',
    params: diagnosticParamsSchema,
    answer: diagnosticAnswerSchema,
  },
} as const;
