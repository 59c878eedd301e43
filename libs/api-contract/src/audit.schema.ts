import { z } from 'zod';
import { identifierSchema, pageOf, timestampSchema } from './primitives.schema';

export const clusterAuditEventSchema = z
  .strictObject({
    id: z.string(),
    at: timestampSchema,
    actor: z.strictObject({
      kind: z.enum(['Customer', 'Operator']).meta({ description: 'Operator: somebody who runs the service.' }),
      tenantId: z.string().nullable(),
      objectId: z.string().nullable().meta({ description: 'Null for operators, who answer under their ticket.' }),
    }),
    action: z.string(),
    operationId: identifierSchema.nullable(),
    reason: z.string().nullable(),
    ticket: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({
    id: 'ClusterAuditEvent',
    description: 'What somebody did to a cluster, customers and operators of the service alike.',
  });
export type ClusterAuditEventBody = z.infer<typeof clusterAuditEventSchema>;

export const clusterAuditEventListSchema = pageOf(clusterAuditEventSchema).meta({ id: 'ClusterAuditEventList' });
