import { idParamsSchema } from '../route-parts';
import { groundsSchema, writeAnswerSchema, writeQuerySchema } from './admin.schema';
import {
  coverageQuerySchema,
  correctUsageSchema,
  coverageSchema,
  creditUsageSchema,
  owedUsageSchema,
  usageEmissionListSchema,
  usageEmissionQuerySchema,
  usageExportParamsSchema,
  usageExportQuerySchema,
  usageExportSchema,
  usageMismatchListSchema,
  usageRecordListSchema,
  usageRecordQuerySchema,
} from './billing.schema';

const write = { query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** What operators see of the ledger and of what Azure was told, and how they put it right. */
export const billingRoutes = {
  examineCoverage: {
    method: 'GET',
    path: '/admin/billing/coverage',
    summary: 'Look whether the ledger has every hour of every cluster and says what happened',
    role: 'viewer',
    query: coverageQuerySchema,
    answer: coverageSchema,
  },
  readOwedUsage: {
    method: 'GET',
    path: '/admin/billing/owed',
    summary: 'Read what is owed to the Marketplace by dimension: to be planned, pending, late, parked, mismatched',
    role: 'viewer',
    answer: owedUsageSchema,
  },
  findUsageRecords: {
    method: 'GET',
    path: '/admin/billing/records',
    summary: 'Read rows of the ledger, the newest first',
    role: 'viewer',
    query: usageRecordQuerySchema,
    answer: usageRecordListSchema,
  },
  findUsageEmissions: {
    method: 'GET',
    path: '/admin/billing/emissions',
    summary: 'Read what the Marketplace was told, or is to be told, the newest first',
    role: 'viewer',
    query: usageEmissionQuerySchema,
    answer: usageEmissionListSchema,
  },
  listUsageMismatches: {
    method: 'GET',
    path: '/admin/billing/mismatches',
    summary: "List days for which Azure's own report says something else",
    role: 'viewer',
    answer: usageMismatchListSchema,
  },
  exportUsage: {
    method: 'GET',
    path: '/admin/billing/exports/{month}',
    summary: "Read a month's usage of all customers, or of one place, with what it costs, as a stream",
    role: 'viewer',
    params: usageExportParamsSchema,
    query: usageExportQuerySchema,
    answer: usageExportSchema,
  },
  resendUsage: {
    method: 'POST',
    path: '/admin/billing/installations/{id}/resend',
    summary: 'Send events again that the Marketplace refused, once the cause is mended',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  correctUsage: {
    method: 'POST',
    path: '/admin/billing/corrections',
    summary: 'Have a closed hour say what its computation does, by rows that name what they correct',
    role: 'operator',
    body: correctUsageSchema,
    ...write,
  },
  creditUsage: {
    method: 'POST',
    path: '/admin/billing/credits',
    summary: 'Let a customer off some time of up to 24 clock hours, by credit rows',
    role: 'lead',
    body: creditUsageSchema,
    ...write,
  },
} as const;
