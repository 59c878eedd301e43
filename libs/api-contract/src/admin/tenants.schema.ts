import { z } from 'zod';
import { identifierSchema, pageOf, pageQuerySchema, timestampSchema } from '../primitives.schema';
import { groundsSchema } from './admin.schema';

export const suspensionCategorySchema = z.enum(['NonPayment', 'Abuse', 'Security', 'Legal']);
const standingSchema = z.enum(['Good', 'Suspended', 'Denied']);

const limitSchema = z.int().min(0).max(100_000).nullable();
const contactSchema = z
  .string()
  .trim()
  .regex(/^\S{3,200}$/, 'is no address')
  .meta({ description: 'Whom its people are told to ask: an e-mail address, or a page.' });

export const fleetTenantSchema = z.strictObject({
  tenantId: z.string().meta({ description: 'Microsoft Entra tenant.' }),
  standing: standingSchema,
  installations: z.int(),
  clusters: z.int(),
  servers: z.int().meta({ description: 'Of its living clusters; of one that is being scaled up, as it will be.' }),
  quota: z.strictObject({ maxClusters: limitSchema, maxServers: limitSchema }).meta({ description: 'null: no limit.' }),
  suspension: z.strictObject({ since: timestampSchema, category: suspensionCategorySchema, contact: z.string() }).nullable(),
});
export type FleetTenantBody = z.infer<typeof fleetTenantSchema>;
export const fleetTenantListSchema = pageOf(fleetTenantSchema);

export const fleetTenantQuerySchema = pageQuerySchema.extend({
  tenantId: z.uuid().optional(),
  subscriptionId: z.string().max(100).optional(),
  standing: standingSchema.optional(),
});

export const deniedTenantSchema = z.strictObject({
  tenantId: z.string(),
  contact: z.string(),
  reason: z.string(),
  ticket: z.string(),
  createdAt: timestampSchema,
});
export type DeniedTenantBody = z.infer<typeof deniedTenantSchema>;
export const deniedTenantListSchema = z.strictObject({ value: z.array(deniedTenantSchema) });

export const fleetTenantDetailSchema = fleetTenantSchema.extend({
  denial: deniedTenantSchema.nullable(),
  places: z
    .array(
      z.strictObject({
        id: identifierSchema,
        kind: z.enum(['ManagedApplication', 'Direct']),
        state: z.string(),
        subscriptionId: z.string(),
        resourceGroup: z.string(),
        region: z.string(),
        createdAt: timestampSchema,
      }),
    )
    .meta({ description: 'Its newest installations, 200 at most.' }),
  living: z
    .array(
      z.strictObject({
        id: identifierSchema,
        installationId: identifierSchema,
        name: z.string(),
        region: z.string(),
        servers: z.int(),
        provisioningState: z.string(),
      }),
    )
    .meta({ description: 'Its newest clusters, 200 at most.' }),
});
export type FleetTenantDetailBody = z.infer<typeof fleetTenantDetailSchema>;

export const setQuotaSchema = groundsSchema.extend({
  maxClusters: limitSchema.meta({ description: 'Living clusters at most; null for no limit.' }),
  maxServers: limitSchema.meta({ description: 'Servers of living clusters at most; null for no limit.' }),
});

export const suspendTenantSchema = groundsSchema.extend({
  category: suspensionCategorySchema.meta({ description: 'Why, in the words that its people are told.' }),
  contact: contactSchema,
});

export const denyTenantSchema = groundsSchema.extend({ contact: contactSchema });
