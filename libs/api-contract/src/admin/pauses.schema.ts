import { z } from 'zod';
import { identifierSchema, timestampSchema } from '../primitives.schema';
import { groundsSchema } from './admin.schema';

const scopeSchema = z.enum(['All', 'Region', 'Kind', 'Cluster']);

export const pauseRequestSchema = groundsSchema.extend({
  scope: scopeSchema,
  value: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'Name of the region, kind of operations, id of the cluster; nothing for All.' }),
  until: timestampSchema.meta({ description: 'Then everything goes on by itself; at most a day from now.' }),
});

export const pauseSchema = z.strictObject({
  id: identifierSchema,
  scope: scopeSchema,
  value: z.string().nullable(),
  until: timestampSchema,
  reason: z.string(),
  ticket: z.string(),
  createdAt: timestampSchema,
});
export type PauseBody = z.infer<typeof pauseSchema>;
export const pauseListSchema = z.strictObject({ value: z.array(pauseSchema) });
