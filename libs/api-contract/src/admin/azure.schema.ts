import { z } from 'zod';
import { timestampSchema } from '../primitives.schema';

export const azureResourcesSchema = z.strictObject({
  seenAt: timestampSchema.nullable().meta({ description: 'When the service last looked in Azure; null: it has not yet.' }),
  value: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      state: z.string().nullable().meta({ description: "Azure's provisioning state; null where it said none." }),
      drift: z.enum(['None', 'Missing', 'Altered', 'Unexpected']),
      difference: z.string().nullable().meta({ description: 'Of an altered one: the path of the first difference.' }),
    }),
  ),
});
export type AzureResourcesBody = z.infer<typeof azureResourcesSchema>;
