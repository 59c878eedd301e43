import { z } from 'zod';
import { timestampSchema } from '../primitives.schema';
import { groundsSchema } from './admin.schema';

const roleSchema = z.enum(['Diagnostics', 'Repair']).meta({
  description:
    'Diagnostics reads members, Raft and the catalogue; Repair changes them. Neither sees keys, tokens or gossip keys.',
});

export const breakGlassRequestSchema = groundsSchema.extend({
  role: roleSchema,
  minutes: z
    .int()
    .min(1)
    .max(1440)
    .meta({ description: 'For how long, counted from the approval; 5 to 240 unless the service is set otherwise.' }),
  publicKey: z
    .string()
    .min(1)
    .max(10_000)
    .meta({ description: 'Public RSA key, PEM, at least 2048 bits. The token is written for its holder alone.' }),
});

export const breakGlassQuerySchema = z.strictObject({ clusterId: z.uuid().optional() });

const breakGlassSchema = z.strictObject({
  id: z.uuid(),
  clusterId: z.uuid(),
  role: roleSchema,
  minutes: z.int(),
  state: z.enum(['Requested', 'Approved', 'Open', 'Closed', 'Withdrawn', 'Lapsed']),
  reason: z.string(),
  ticket: z.string(),
  requestedBy: z.string(),
  requestedAt: timestampSchema,
  approveBefore: timestampSchema,
  approvedBy: z.string().nullable(),
  approvedAt: timestampSchema.nullable(),
  endsAt: timestampSchema.nullable(),
  closedAt: timestampSchema.nullable().meta({ description: 'When every server was seen to refuse the token.' }),
});
export const breakGlassListSchema = z.strictObject({ value: z.array(breakGlassSchema) });
export const openBreakGlassSchema = breakGlassSchema.extend({
  datacenter: z.string(),
  servers: z.array(z.string()).meta({ description: 'Addresses of the servers, whose Consul answers at port 8501.' }),
  accessorId: z.uuid().nullable(),
  sealedToken: z.string().nullable().meta({
    description: 'Base64 of RSA-OAEP with SHA-256 for the key of the request; only for whoever asked, and only while it is open.',
  }),
});
export type BreakGlassBody = z.infer<typeof breakGlassSchema>;
export type OpenBreakGlassBody = z.infer<typeof openBreakGlassSchema>;
