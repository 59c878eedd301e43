import type { z } from 'zod';
import type { installationSchema } from '@managed-consul/api-contract';
import type { BarredTenant } from '@managed-consul/access';
import type { Installation } from '@managed-consul/database';

type InstallationBody = z.infer<typeof installationSchema>;

const showStanding = (barred: BarredTenant | undefined): InstallationBody['standing'] => {
  if (!barred) return { state: 'Good', category: null, contact: null };
  const { category, contact } = barred;
  return { state: category === null ? 'Denied' : 'Suspended', category, contact };
};

/** An installation as customers see it; `barred`: what operators refuse its tenant. */
export const showInstallation = (installation: Installation, barred: BarredTenant | undefined): InstallationBody => ({
  id: installation.id,
  kind: installation.kind,
  state: installation.state,
  tenantId: installation.tenantId,
  subscriptionId: installation.subscriptionId,
  resourceGroup: installation.resourceGroup,
  region: installation.region,
  applicationId: installation.applicationId,
  plan: installation.planId,
  failureMessage: installation.failureMessage,
  standing: showStanding(barred),
  createdAt: installation.createdAt.toISOString(),
  updatedAt: installation.updatedAt.toISOString(),
});
