/** Aims the contract suite at a real subscription in place of the emulator, by settings; see the emulator's README. */
import { minutes, type Milliseconds } from '@managed-consul/config';
import { z } from 'zod';

const liveAzureSchema = z.object({
  subscriptionId: z.uuid(),
  tenantId: z.uuid(),
  /** A service principal that owns the subscription, or at least may make resource groups and assign roles in it. */
  clientId: z.uuid(),
  clientSecret: z.string().min(1),
  objectId: z.uuid(),
  endpoint: z.url().default('https://management.azure.com'),
  authority: z.url().default('https://login.microsoftonline.com'),
});

function readLiveAzure(env: NodeJS.ProcessEnv): z.infer<typeof liveAzureSchema> | undefined {
  if (env['CONTRACT_SUBSCRIPTION_ID'] === undefined) return undefined;
  return liveAzureSchema.parse({
    subscriptionId: env['CONTRACT_SUBSCRIPTION_ID'],
    tenantId: env['CONTRACT_TENANT_ID'],
    clientId: env['CONTRACT_CLIENT_ID'],
    clientSecret: env['CONTRACT_CLIENT_SECRET'],
    objectId: env['CONTRACT_OBJECT_ID'],
    endpoint: env['CONTRACT_RESOURCE_MANAGER'],
    authority: env['CONTRACT_AUTHORITY'],
  });
}

/** The subscription that the suite is aimed at; undefined for the emulator. */
export const liveAzure = readLiveAzure(process.env);

/** Why a test is skipped when the suite is aimed at a subscription. */
export const ONLY_EMULATED = liveAzure ? ' (skipped: it steers the emulator)' : '';

/** The name of a resource group of the suite; nobody else's in a real subscription. */
export const groupName = (name: string): string => (liveAzure ? `managed-consul-contract-${name}` : name);

/** Azure itself takes minutes where the emulator takes a second. */
export const patience = (emulated: Milliseconds): Milliseconds => (liveAzure ? minutes(20) : emulated);
