import type { z } from 'zod';
import type { installationSchema } from '@managed-consul/api-contract';
import type { Installation } from '@managed-consul/database';

/** An installation as customers see it. */
export const showInstallation = (installation: Installation): z.infer<typeof installationSchema> => ({
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
  createdAt: installation.createdAt.toISOString(),
  updatedAt: installation.updatedAt.toISOString(),
});
