import { idParamsSchema } from '../route-parts';
import { groundsSchema, writeAnswerSchema, writeQuerySchema } from './admin.schema';
import {
  deniedTenantListSchema,
  denyTenantSchema,
  fleetTenantDetailSchema,
  fleetTenantListSchema,
  fleetTenantQuerySchema,
  setQuotaSchema,
  suspendTenantSchema,
} from './tenants.schema';

const write = { params: idParamsSchema, query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** What customers' tenants have, may have, and whether they may change it. */
export const tenantRoutes = {
  findTenants: {
    method: 'GET',
    path: '/admin/tenants',
    summary: 'Find tenants by id, subscription or standing, in the order of their ids',
    role: 'viewer',
    query: fleetTenantQuerySchema,
    answer: fleetTenantListSchema,
  },
  getTenant: {
    method: 'GET',
    path: '/admin/tenants/{id}',
    summary: 'Read a tenant with its installations, clusters, quota and standing',
    role: 'viewer',
    params: idParamsSchema,
    answer: fleetTenantDetailSchema,
  },
  setTenantQuota: {
    method: 'PUT',
    path: '/admin/tenants/{id}/quota',
    summary: 'Say how many clusters and servers a tenant may have; what it has stays',
    role: 'operator',
    body: setQuotaSchema,
    ...write,
  },
  suspendTenant: {
    method: 'POST',
    path: '/admin/tenants/{id}/suspend',
    summary: 'Refuse every write of a tenant; its clusters go on and can be read',
    role: 'lead',
    body: suspendTenantSchema,
    ...write,
  },
  unsuspendTenant: {
    method: 'POST',
    path: '/admin/tenants/{id}/unsuspend',
    summary: 'Let a suspended tenant write again',
    role: 'lead',
    body: groundsSchema,
    ...write,
  },
  listDeniedTenants: {
    method: 'GET',
    path: '/admin/denied-tenants',
    summary: 'List the tenants of which nothing new is taken',
    role: 'viewer',
    answer: deniedTenantListSchema,
  },
  denyTenant: {
    method: 'PUT',
    path: '/admin/denied-tenants/{id}',
    summary: 'Take no new installations and clusters of a tenant, also of one that is not known yet',
    role: 'lead',
    body: denyTenantSchema,
    ...write,
  },
  undenyTenant: {
    method: 'POST',
    path: '/admin/denied-tenants/{id}/remove',
    summary: 'Take a tenant off the deny list',
    role: 'lead',
    body: groundsSchema,
    ...write,
  },
} as const;
