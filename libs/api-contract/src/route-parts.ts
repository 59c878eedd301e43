import { z } from 'zod';
import { identifierSchema } from './primitives.schema';

export const idParamsSchema = z.strictObject({ id: identifierSchema });

/** The answer 200. */
export const ok = <Schema extends z.ZodType>(schema: Schema, description = 'As asked.') => ({ 200: { description, schema } });

/** The answer 202. */
export const accepted = <Schema extends z.ZodType>(schema: Schema) => ({
  202: { description: 'Recorded; the operation carries it out.', schema },
});
