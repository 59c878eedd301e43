import { z } from 'zod';

/** One problem of several: which field, and what to do about it. */
export const errorDetailSchema = z.strictObject({
  code: z.string(),
  target: z.string().optional().meta({ description: 'Field that the problem is about, e.g. tags.owner.' }),
  message: z.string(),
});

/** Body of every error answer, in the shape of Azure Resource Manager. Codes are stable, messages are not. */
export const errorEnvelopeSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      target: z.string().optional(),
      details: z.array(errorDetailSchema).optional(),
    }),
  })
  .meta({ id: 'ErrorEnvelope' });

export type ErrorEnvelopeBody = z.infer<typeof errorEnvelopeSchema>;
