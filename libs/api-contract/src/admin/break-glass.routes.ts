import { idParamsSchema } from '../route-parts';
import { groundsSchema, writeAnswerSchema, writeQuerySchema } from './admin.schema';
import { breakGlassListSchema, breakGlassQuerySchema, breakGlassRequestSchema, openBreakGlassSchema } from './break-glass.schema';

const write = { query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** Access of an operator to the Consul of one cluster, for a short time, by two persons. */
export const breakGlassRoutes = {
  requestBreakGlass: {
    method: 'POST',
    path: '/admin/clusters/{id}/break-glass',
    summary: 'Ask for access to the Consul of a cluster for a short time; another person has to approve it',
    role: 'operator',
    params: idParamsSchema,
    body: breakGlassRequestSchema,
    ...write,
  },
  listBreakGlass: {
    method: 'GET',
    path: '/admin/break-glass',
    summary: 'List accesses to the Consul of clusters, the newest first, at most 200',
    role: 'viewer',
    query: breakGlassQuerySchema,
    answer: breakGlassListSchema,
  },
  getBreakGlass: {
    method: 'GET',
    path: '/admin/break-glass/{id}',
    summary: 'Read an access; whoever asked for it finds the token, sealed with the key of the request',
    role: 'viewer',
    params: idParamsSchema,
    answer: openBreakGlassSchema,
  },
  approveBreakGlass: {
    method: 'POST',
    path: '/admin/break-glass/{id}/approve',
    summary: 'Approve an access that another person has asked for, and open it',
    role: 'lead',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  revokeBreakGlass: {
    method: 'POST',
    path: '/admin/break-glass/{id}/revoke',
    summary: 'End an access before its time; its token is removed and seen to be refused',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
} as const;
