import { z } from 'zod';
import { operationSchema } from './operation.schema';
import { identifierSchema, pageOf, timestampSchema } from './primitives.schema';

export const installationSchema = z
  .strictObject({
    id: identifierSchema,
    kind: z.enum(['ManagedApplication', 'Direct']),
    state: z.enum(['Registering', 'Ready', 'Failed', 'Deleting', 'Deleted']),
    tenantId: z.string(),
    subscriptionId: z.string(),
    resourceGroup: z.string(),
    region: z.string(),
    applicationId: z.string().nullable(),
    plan: z.string(),
    failureMessage: z.string().nullable(),
    standing: z
      .strictObject({
        state: z.enum(['Good', 'Suspended', 'Denied']),
        category: z.enum(['NonPayment', 'Abuse', 'Security', 'Legal']).nullable(),
        contact: z.string().nullable().meta({ description: 'Whom to ask about it.' }),
      })
      .meta({ description: 'Of its tenant. Suspended: may be read, not changed. Denied: takes nothing new. Clusters go on.' }),
    createdAt: timestampSchema,
    updatedAt: timestampSchema,
  })
  .meta({ id: 'Installation', description: 'A place in Azure where the service may run clusters.' });

/** Registers a resource group whose tag `managed-consul-owner` names the caller. */
export const createInstallationRequestSchema = z
  .strictObject({
    subscriptionId: z.uuid().meta({ description: 'Azure subscription.' }),
    resourceGroup: z
      .string()
      .regex(
        /^[-\w.()]{0,89}[-\w()]$/u,
        'must be the name of an Azure resource group: up to 90 letters, digits, _ - . ( ), not ending with a period',
      )
      .meta({ description: 'Resource group that the service was given access to.' }),
    region: z.string().min(1).max(64).meta({ description: 'Azure region of the clusters, unless they say otherwise.' }),
    plan: z.string().min(1).max(64).optional().meta({ description: 'Plan to be billed by; on-demand unless said.' }),
  })
  .meta({ id: 'CreateInstallationRequest' });
export type CreateInstallationRequest = z.infer<typeof createInstallationRequestSchema>;

export const installationListSchema = pageOf(installationSchema).meta({ id: 'InstallationList' });
export const acceptedInstallationSchema = z
  .strictObject({ installation: installationSchema, operation: operationSchema })
  .meta({ id: 'AcceptedInstallation' });
