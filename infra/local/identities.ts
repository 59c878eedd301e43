/** The people and places of the sample: made at random once a state folder, so that no two copies share a secret. */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const principalSchema = z.object({
  tenantId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  objectId: z.string(),
  subscriptionId: z.string(),
  resourceGroup: z.string(),
});

const identitiesSchema = z.object({
  publisher: principalSchema,
  customer: principalSchema,
  otherCustomer: principalSchema,
  databasePassword: z.string(),
  gatewayInternalToken: z.string(),
  notificationSecret: z.string(),
  apiApplicationId: z.string(),
  gatewayApplicationId: z.string(),
  adminApplicationId: z.string(),
});

export type Principal = z.infer<typeof principalSchema>;
export type Identities = z.infer<typeof identitiesSchema>;

const newSecret = (): string => randomBytes(24).toString('base64url');

const newPrincipal = (resourceGroup: string): Principal => ({
  tenantId: randomUUID(),
  clientId: randomUUID(),
  clientSecret: newSecret(),
  objectId: randomUUID(),
  subscriptionId: randomUUID(),
  resourceGroup,
});

/** Reads `identities.json` in the folder for secrets, making it at the first call. */
export function loadIdentities(secretsFolder: string): Identities {
  const path = join(secretsFolder, 'identities.json');
  if (existsSync(path)) {
    // A folder from before there was an API for operators has no application for it yet.
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Partial<Identities>;
    const completed = identitiesSchema.parse({ adminApplicationId: randomUUID(), ...kept });
    if (!kept.adminApplicationId) writeFileSync(path, JSON.stringify(completed, undefined, 2), { mode: 0o600 });
    return completed;
  }
  const made: Identities = {
    publisher: newPrincipal('managed-consul'),
    customer: newPrincipal('customer'),
    otherCustomer: newPrincipal('other-customer'),
    databasePassword: newSecret(),
    gatewayInternalToken: newSecret(),
    notificationSecret: newSecret(),
    apiApplicationId: randomUUID(),
    gatewayApplicationId: randomUUID(),
    adminApplicationId: randomUUID(),
  };
  writeFileSync(path, JSON.stringify(made, undefined, 2), { mode: 0o600 });
  return made;
}
