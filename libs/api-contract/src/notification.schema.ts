import { z } from 'zod';

/**
 * What Azure posts about a managed application. Not strict: Azure adds fields, and a refused notification is never sent again.
 * Service-catalogue applications carry their definition, Marketplace ones their plan.
 */
export const notificationSchema = z
  .looseObject({
    eventType: z.enum(['PUT', 'PATCH', 'DELETE']),
    applicationId: z.string().min(1).max(2000),
    eventTime: z.iso.datetime({ offset: true }),
    provisioningState: z.enum(['Accepted', 'Succeeded', 'Failed', 'Deleting', 'Deleted']),
    applicationDefinitionId: z.string().optional(),
    plan: z.looseObject({ publisher: z.string(), product: z.string(), name: z.string(), version: z.string() }).optional(),
    billingDetails: z.looseObject({ resourceUsageId: z.string() }).optional(),
    error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'ApplicationNotification' });
export type ApplicationNotification = z.infer<typeof notificationSchema>;
