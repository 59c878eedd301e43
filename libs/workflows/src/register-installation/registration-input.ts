import type { ApplicationFacts } from '@managed-consul/azure';
import type { RegisterInstallationInput } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { z } from 'zod';
import type { Step } from '../services';

const inputSchema = z.discriminatedUnion('from', [
  z.object({ from: z.literal('notification'), applicationId: z.string(), eventType: z.enum(['PUT', 'PATCH']) }),
  z.object({
    from: z.literal('request'),
    installationId: z.uuid(),
    owner: z.object({ tenantId: z.string(), objectId: z.string() }),
  }),
]) satisfies z.ZodType<RegisterInstallationInput>;

export const inputOf = ({ operation }: Pick<Step, 'operation'>): RegisterInstallationInput => inputSchema.parse(operation.input);

/** The application as Azure knows it. News are only a reason to look: what is not there, or not set up, registers nothing. */
export async function readApplication({ azure }: Pick<Step, 'azure'>, applicationId: string): Promise<ApplicationFacts> {
  const application = await azure.managedApplications.find(applicationId);
  if (application) return application;
  throw new TerminalError('ApplicationNotFound', 'The managed application does not exist, or the service may not see it.');
}
