import type { RemoveInstallationInput } from '@managed-consul/clusters';
import { z } from 'zod';
import type { Step } from '../services';

const inputSchema = z.object({ applicationId: z.string() }) satisfies z.ZodType<RemoveInstallationInput>;

/** Which application the removal is about. */
export const applicationIdOf = ({ operation }: Pick<Step, 'operation'>): string =>
  inputSchema.parse(operation.input).applicationId;
