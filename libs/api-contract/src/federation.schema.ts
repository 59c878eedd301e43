import { z } from 'zod';
import { provisioningStateSchema } from './cluster.schema';
import { operationSchema } from './operation.schema';
import { identifierSchema, timestampSchema } from './primitives.schema';

export const createdFederationTokenSchema = z
  .strictObject({
    federationToken: z.string().meta({ description: 'Give it as federationToken when the secondary is created. Kept nowhere.' }),
    expiresAt: timestampSchema,
    primaryDatacenter: z.string(),
    operation: operationSchema
      .nullable()
      .meta({ description: 'Opens the cluster for other datacenters; null when it is open, or being opened, already.' }),
  })
  .meta({ id: 'CreatedFederationToken' });

const federatedClusterSchema = z
  .strictObject({
    id: identifierSchema,
    name: z.string(),
    datacenter: z.string(),
    region: z.string(),
    subscriptionId: z.string(),
    resourceGroup: z.string(),
    provisioningState: provisioningStateSchema,
    joinedAt: timestampSchema.nullable().meta({ description: 'Since when it and its primary have seen each other.' }),
  })
  .meta({ id: 'FederatedCluster' });

export const federationSchema = z
  .strictObject({
    state: z.enum(['NotFederated', 'Running', 'PrimaryDatacenterMissing']).meta({
      description: 'PrimaryDatacenterMissing: the primary went with its managed application; tokens can be made no more.',
    }),
    primary: federatedClusterSchema.nullable(),
    secondaries: z.array(federatedClusterSchema),
  })
  .meta({ id: 'Federation', description: 'The same from every member.' });
export type FederationBody = z.infer<typeof federationSchema>;
