import { z } from 'zod';
import { createClusterRequestSchema } from './cluster.schema';
import { errorDetailSchema } from './error.schema';

/** Would this create be accepted? Nothing is stored. */
export const preflightRequestSchema = createClusterRequestSchema;
export const preflightResultSchema = z
  .strictObject({
    acceptable: z.boolean(),
    problems: z.array(errorDetailSchema),
  })
  .meta({ id: 'PreflightResult' });
