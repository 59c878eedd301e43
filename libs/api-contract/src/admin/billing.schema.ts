import { z } from 'zod';
import { identifierSchema, pageOf, pageQuerySchema, timestampSchema } from '../primitives.schema';
import { groundsSchema } from './admin.schema';

const DAY_HOURS = 24;
const decimalSchema = z.string().meta({ description: 'A decimal number as text, exact.' });

export const coverageQuerySchema = z.strictObject({
  from: timestampSchema.meta({ description: 'Looked at from this hour on.' }),
  hours: z.coerce
    .number()
    .int()
    .min(1)
    .max(31 * DAY_HOURS)
    .default(DAY_HOURS),
});

const measureSchema = z.strictObject({ seconds: z.int(), quantity: decimalSchema });

export const coverageSchema = z.strictObject({
  openHours: z.array(timestampSchema).meta({ description: 'Over, and not in the ledger.' }),
  uncounted: z
    .array(z.strictObject({ hour: timestampSchema, clusterId: identifierSchema }))
    .meta({ description: 'A cluster ran and its service instances were not counted; a thousand at most.' }),
  mismatched: z
    .array(
      z.strictObject({
        hour: timestampSchema,
        clusterId: identifierSchema,
        meter: z.string(),
        recordId: z.string().nullable(),
        recorded: measureSchema,
        computed: measureSchema,
      }),
    )
    .meta({ description: 'The ledger says something else than the recorded periods.' }),
});
export type CoverageBody = z.infer<typeof coverageSchema>;

export const owedUsageSchema = z.strictObject({
  value: z.array(
    z.strictObject({
      dimension: z.string(),
      unplanned: decimalSchema.meta({ description: 'In closed hours, and no event tells of it yet; in units of the ledger.' }),
      pending: decimalSchema,
      parked: decimalSchema,
      unresolved: decimalSchema,
      mismatchedUnits: decimalSchema.meta({ description: 'Units of the dimension that Azure took less than was sent.' }),
      parkedEvents: z.int(),
      lateEvents: z.int(),
    }),
  ),
});

export const usageRecordQuerySchema = pageQuerySchema.extend({
  clusterId: z.uuid().optional(),
  installationId: z.uuid().optional(),
  from: timestampSchema.optional(),
  to: timestampSchema.optional(),
});

const usageRecordSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['Measured', 'Correction', 'Credit']),
  clusterId: identifierSchema,
  installationId: identifierSchema,
  hour: timestampSchema,
  meter: z.string(),
  planId: z.string(),
  seconds: z.int(),
  quantity: decimalSchema,
  correctsId: z.string().nullable(),
  reason: z.string().nullable(),
  recordedBy: z.string(),
  recordedAt: timestampSchema,
});
export type UsageRecordBody = z.infer<typeof usageRecordSchema>;
export const usageRecordListSchema = pageOf(usageRecordSchema);

const emissionStateSchema = z.enum(['Pending', 'Accepted', 'Mismatched', 'Parked', 'Unresolved', 'Expired']);
export const usageEmissionQuerySchema = pageQuerySchema.extend({
  installationId: z.uuid().optional(),
  state: emissionStateSchema.optional(),
});

const usageEmissionSchema = z.strictObject({
  id: identifierSchema,
  installationId: identifierSchema,
  resourceId: z.string(),
  dimension: z.string(),
  hour: timestampSchema,
  planId: z.string(),
  quantity: decimalSchema,
  carriedQuantity: decimalSchema.meta({ description: 'The part that is of earlier hours, in units of the ledger.' }),
  acceptedQuantity: decimalSchema.nullable(),
  state: emissionStateSchema,
  attempts: z.int(),
  nextTryAt: timestampSchema,
  usageEventId: z.string().nullable(),
  problem: z.string().nullable(),
  settledAt: timestampSchema.nullable(),
});
export type UsageEmissionBody = z.infer<typeof usageEmissionSchema>;
export const usageEmissionListSchema = pageOf(usageEmissionSchema);

export const usageMismatchListSchema = z.strictObject({
  value: z.array(
    z.strictObject({
      day: z.string(),
      resourceId: z.string(),
      dimension: z.string(),
      sentQuantity: decimalSchema,
      submittedQuantity: decimalSchema,
      processedQuantity: decimalSchema,
      reconStatus: z.string(),
      foundAt: timestampSchema,
    }),
  ),
});

export const usageExportParamsSchema = z.strictObject({ month: z.string().meta({ description: 'As 2026-05, in UTC.' }) });
export const usageExportQuerySchema = z.strictObject({
  format: z.enum(['csv', 'jsonl', 'focus']).default('jsonl').meta({ description: '`focus`: CSV with the columns of FOCUS 1.0.' }),
  installationId: z.uuid().optional(),
});
export const usageExportSchema = z.string().meta({ description: 'CSV, or a JSON object on each line; not JSON as a whole.' });

export const correctUsageSchema = groundsSchema.extend({
  hour: timestampSchema.meta({ description: 'Beginning of a clock hour.' }),
});

const creditStateSchema = z.enum(['Requested', 'Approved', 'Refused', 'Withdrawn']);
export const creditQuerySchema = z.strictObject({
  state: creditStateSchema.optional().meta({ description: 'Requested: those that wait.' }),
});

const creditSchema = z.strictObject({
  id: identifierSchema,
  clusterId: identifierSchema,
  installationId: identifierSchema,
  from: timestampSchema,
  hours: z.int(),
  secondsOfEach: z.int(),
  amount: decimalSchema.meta({ description: 'What it was worth when it was asked for.' }),
  currency: z.string(),
  state: creditStateSchema,
  reason: z.string(),
  ticket: z.string(),
  requestedBy: z.string(),
  requestedAt: timestampSchema,
  decidedBy: z.string().nullable(),
  decidedAt: timestampSchema.nullable(),
});
export type CreditBody = z.infer<typeof creditSchema>;
export const creditListSchema = z.strictObject({ value: z.array(creditSchema) });

export const creditUsageSchema = groundsSchema.extend({
  clusterId: z.uuid(),
  from: timestampSchema.meta({ description: 'Beginning of a clock hour.' }),
  hours: z.int().min(1).max(DAY_HOURS).default(1),
  secondsOfEach: z.int().min(1).max(3600).default(3600).meta({ description: 'What is let off of each hour.' }),
});
