import type { DeniedTenantBody, FleetTenantBody, FleetTenantDetailBody } from '@managed-consul/api-contract';
import type { DeniedTenant } from '@managed-consul/database';
import type { FleetTenant, FleetTenantDetail } from '@managed-consul/fleet';

/** A tenant as operators see it. */
export const showTenant = (tenant: FleetTenant): FleetTenantBody => {
  const { suspendedAt, suspensionCategory: category, suspensionContact: contact, maxClusters, maxServers } = tenant;
  const { tenantId, standing, installations, clusters, servers } = tenant;
  return {
    ...{ tenantId, standing, installations, clusters, servers },
    quota: { maxClusters, maxServers },
    suspension: suspendedAt && category && contact ? { since: suspendedAt.toISOString(), category, contact } : null,
  };
};

/** An entry of the deny list. */
export const showDeniedTenant = ({ tenantId, contact, reason, ticket, createdAt }: DeniedTenant): DeniedTenantBody => ({
  ...{ tenantId, contact, reason, ticket },
  createdAt: createdAt.toISOString(),
});

/** A tenant with all that it has. */
export const showTenantDetail = ({ denial, places, living, ...tenant }: FleetTenantDetail): FleetTenantDetailBody => ({
  ...showTenant(tenant),
  denial: denial && showDeniedTenant(denial),
  places: places.map(({ id, kind, state, subscriptionId, resourceGroup, region, createdAt }) => ({
    ...{ id, kind, state, subscriptionId, resourceGroup, region },
    createdAt: createdAt.toISOString(),
  })),
  living,
});
