import { z } from 'zod';
import { identifierSchema, timestampSchema } from './primitives.schema';

const moneySchema = z
  .string()
  .meta({ description: 'Amount as decimal text, 6 digits after the point, a half rounded to the even digit.' });
const quantitySchema = z
  .string()
  .meta({ description: 'Cluster hours, instance hours or GiB hours as decimal text, rounded in the same way.' });
const meterSchema = z
  .string()
  .meta({ description: '`cluster/<mode>/<servers>/<size>`, `service-instances` or `snapshot-storage`.' });
const dimensionNameSchema = z
  .string()
  .nullable()
  .meta({ description: 'What bills call the meter; null where the plan asks nothing for it.' });
const totalsSchema = z
  .array(z.strictObject({ currency: z.string(), cost: moneySchema }))
  .meta({ description: 'Rounded once, from the exact sum: lines as they are shown may add up to a last digit more or less.' });

const usageSumSchema = z.strictObject({
  plan: z.string(),
  meter: meterSchema,
  dimension: dimensionNameSchema,
  quantity: quantitySchema,
  currency: z.string().nullable(),
  cost: moneySchema,
});

const measuredSpan = {
  from: timestampSchema,
  to: timestampSchema,
  measuredUntil: timestampSchema.meta({ description: 'Hours up to here are in the ledger; later ones are not told yet.' }),
  totals: totalsSchema,
};

export const usageSpanSchema = z.strictObject({ ...measuredSpan, details: z.array(usageSumSchema) }).meta({ id: 'UsageSpan' });
export const usageSchema = z.strictObject({ today: usageSpanSchema, thisMonth: usageSpanSchema }).meta({ id: 'Usage' });
export type UsageSpanBody = z.infer<typeof usageSpanSchema>;

const tierSchema = z.strictObject({ label: z.string(), unitPrice: z.string(), quantity: quantitySchema, cost: moneySchema });

export const usageReportSchema = z
  .strictObject({
    ...measuredSpan,
    lines: z.array(
      z.strictObject({
        start: timestampSchema,
        end: timestampSchema,
        clusterId: identifierSchema,
        seconds: z.int(),
        ...usageSumSchema.shape,
        tiers: z.array(tierSchema),
      }),
    ),
  })
  .meta({ id: 'UsageReport', description: 'A month (UTC) by clock hour, cluster, meter and price.' });
export type UsageReportBody = z.infer<typeof usageReportSchema>;

const count = (most: number) => z.coerce.number<number | string>().int().min(0).max(most).optional();

export const estimateQuerySchema = z.strictObject({
  plan: z.string().min(1).max(64),
  servers: z.enum(['1', '3', '5']),
  vmSize: z.string().regex(/^[A-Za-z0-9_]{1,64}$/u, 'must be the name of an Azure machine size'),
  serviceInstances: count(1_000_000),
  snapshotGib: count(1_000_000),
});

export const estimateSchema = z
  .strictObject({
    currency: z.string(),
    hourly: moneySchema,
    monthly: moneySchema.meta({ description: 'For 730 hours.' }),
    lines: z.array(
      z.strictObject({ meter: meterSchema, dimension: dimensionNameSchema, hourly: moneySchema, monthly: moneySchema }),
    ),
  })
  .meta({ id: 'CostEstimate', description: 'By the prices of the moment; machines and storage are billed by Azure beside.' });
export type EstimateBody = z.infer<typeof estimateSchema>;

export const updateBudgetRequestSchema = z
  .strictObject({
    amount: z
      .string()
      .regex(/^\d{1,12}(\.\d{1,6})?$/u, 'must be an amount as decimal text, with at most 6 digits after the point')
      .nullable()
      .meta({ description: 'For a month, in the currency of the plan; null takes the budget away.' }),
    thresholds: z
      .array(z.int().min(1).max(1000))
      .min(1)
      .max(10)
      .optional()
      .meta({ description: 'Percentages at which a notice is given; 50, 80 and 100 unless said.' }),
  })
  .meta({ id: 'UpdateBudgetRequest' });

export const budgetSchema = z
  .strictObject({
    amount: moneySchema.nullable(),
    thresholds: z.array(z.int()),
    notices: z.array(
      z.strictObject({
        month: z.string(),
        threshold: z.int(),
        cost: moneySchema,
        amount: moneySchema,
        givenAt: timestampSchema,
      }),
    ),
  })
  .meta({ id: 'Budget' });
export type BudgetBody = z.infer<typeof budgetSchema>;
