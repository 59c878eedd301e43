import { z } from 'zod';
import { identifierSchema } from './primitives.schema';
import type { RouteContract } from './route-contract';
import { idParamsSchema, ok } from './route-parts';
import {
  budgetSchema,
  estimateQuerySchema,
  estimateSchema,
  updateBudgetRequestSchema,
  usageReportSchema,
  usageSchema,
} from './usage.schema';

/** What is used, what it costs, and what it may cost. */
export const usageRoutes = {
  getUsage: {
    method: 'GET',
    path: '/v1/installations/{id}/usage',
    summary: 'Tell what an installation has used today and this month, and what that costs',
    tag: 'usage',
    access: 'bearer',
    params: idParamsSchema,
    answers: ok(usageSchema),
  },
  getUsageReport: {
    method: 'GET',
    path: '/v1/installations/{id}/usage/{month}',
    summary: 'Report a month by hour, plan, meter and tier',
    tag: 'usage',
    access: 'bearer',
    params: z.strictObject({ id: identifierSchema, month: z.string().meta({ description: 'Month in UTC: 2026-01.' }) }),
    answers: ok(usageReportSchema),
  },
  estimateCost: {
    method: 'GET',
    path: '/v1/estimate',
    summary: 'Tell what a cluster would cost',
    tag: 'usage',
    access: 'bearer',
    query: estimateQuerySchema,
    answers: ok(estimateSchema),
  },
  getBudget: {
    method: 'GET',
    path: '/v1/installations/{id}/budget',
    summary: 'Read the budget of an installation and the notices that it gave',
    tag: 'usage',
    access: 'bearer',
    params: idParamsSchema,
    answers: ok(budgetSchema),
  },
  updateBudget: {
    method: 'PATCH',
    path: '/v1/installations/{id}/budget',
    summary: 'Set, change or take away the budget of an installation',
    tag: 'usage',
    access: 'bearer',
    params: idParamsSchema,
    body: updateBudgetRequestSchema,
    answers: ok(budgetSchema),
  },
} as const satisfies Record<string, RouteContract>;
