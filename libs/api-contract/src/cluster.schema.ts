import { z } from 'zod';
import { identifierSchema, pageOf, pageQuerySchema, tagsSchema, timestampSchema } from './primitives.schema';

export const weekdaySchema = z.enum(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']);
export const endpointVisibilitySchema = z.enum(['Private', 'Public']);
export const upgradePolicySchema = z.enum(['Manual', 'Automatic']);
export const provisioningStateSchema = z.enum([
  'Accepted',
  'Creating',
  'Updating',
  'Deleting',
  'Succeeded',
  'Failed',
  'Canceled',
  'Deleted',
]);

export const maintenanceWindowSchema = z
  .strictObject({ weekday: weekdaySchema, hour: z.int().meta({ description: 'Hour in UTC, 0 to 23.' }) })
  .meta({ id: 'MaintenanceWindow', description: 'When automatic work may begin.' });

/** Days in UTC; whether each is a day of the calendar is for the domain to say. */
export const blackoutDatesSchema = z
  .array(z.string().meta({ format: 'date' }))
  .meta({ description: 'Up to 100 days in UTC, YYYY-MM-DD, on which no automatic work begins.' });

/**
 * What a customer may ask for. Shapes only: bounds and what is known or taken are the rules of the cluster domain, so that one
 * answer carries every problem, whatever its kind.
 */
export const createClusterRequestSchema = z
  .strictObject({
    installationId: identifierSchema,
    name: z.string().meta({
      description: '3 to 24 lower-case letters, digits and hyphens; begins with a letter, ends with a letter or digit.',
    }),
    datacenter: z
      .string()
      .optional()
      .meta({ description: 'Consul datacenter, up to 32 lower-case letters, digits, hyphens; the name unless said.' }),
    region: z.string().optional().meta({ description: 'Azure region; that of the installation unless said.' }),
    consulVersion: z.string().optional().meta({ description: 'Consul version; the recommended one unless said.' }),
    servers: z.int().optional().meta({ description: 'Consul servers: 1, 3 or 5; 3 unless said.' }),
    vmSize: z.string().optional().meta({ description: 'Azure machine size of a server; Standard_D2s_v3 unless said.' }),
    networkCidr: z
      .string()
      .optional()
      .meta({ description: 'Private IPv4 range, /16 to /28, of the virtual network; 172.25.16.0/24 unless said.' }),
    endpointVisibility: endpointVisibilitySchema.optional(),
    snapshotIntervalSeconds: z.int().optional().meta({ description: 'Time between snapshots, one hour to seven days.' }),
    snapshotRetentionSeconds: z
      .int()
      .optional()
      .meta({ description: 'How long snapshots are kept, one day to one year, and longer than the interval.' }),
    snapshotRetentionCount: z.int().optional().meta({ description: 'Most snapshots that are kept, 1 to 1000; 60 unless said.' }),
    upgradePolicy: upgradePolicySchema.optional(),
    maintenanceWindow: maintenanceWindowSchema.nullable().optional(),
    blackoutDates: blackoutDatesSchema.optional(),
    email: z.string().meta({ description: 'Where notices about the cluster are sent.' }),
    tags: tagsSchema.optional(),
    plan: z.string().optional().meta({ description: 'Plan to be billed by; that of the installation unless said.' }),
    restoreFromSnapshotId: identifierSchema.optional().meta({
      description:
        'Begin with what this VERIFIED snapshot holds; its cluster may be gone. What is not said is as in that cluster.',
    }),
    federationToken: z.string().optional().meta({
      description: 'Follow the primary datacenter that made this token. Its Consul version unless said.',
    }),
  })
  .meta({ id: 'CreateClusterRequest' });
export type CreateClusterRequest = z.infer<typeof createClusterRequestSchema>;

/** What can be changed at once; everything else that can be changed has an operation of its own. */
export const updateClusterRequestSchema = createClusterRequestSchema
  .pick({
    tags: true,
    snapshotIntervalSeconds: true,
    snapshotRetentionSeconds: true,
    snapshotRetentionCount: true,
    upgradePolicy: true,
    maintenanceWindow: true,
    blackoutDates: true,
  })
  .extend({ email: createClusterRequestSchema.shape.email.optional() })
  .meta({
    id: 'UpdateClusterRequest',
    description: 'What is left out stays; tags and blackout dates replace all there were; a window of null takes it away.',
  });
export type UpdateClusterRequest = z.infer<typeof updateClusterRequestSchema>;

const flagSchema = z.stringbool({ truthy: ['true'], falsy: ['false'] });

export const deleteClusterQuerySchema = z.strictObject({
  finalSnapshot: flagSchema.optional().meta({
    description: 'Take a last snapshot first, and remove nothing when that fails; false unless said.',
  }),
  keepSnapshots: flagSchema.optional().meta({
    description: 'Keep verified snapshots, and nothing else, until their retention ends; true unless said.',
  }),
});

export const conditionSchema = z
  .strictObject({
    type: z.enum([
      'Available',
      'Degraded',
      'UpToDate',
      'CertificatesValid',
      'BackedUp',
      'AgentsConnected',
      'InfrastructureInSync',
      'Federated',
    ]),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string(),
    message: z.string(),
    lastTransitionAt: timestampSchema,
  })
  .meta({ id: 'Condition', description: 'What was last seen of a cluster, and why.' });

export const serverSchema = z
  .strictObject({
    name: z.string(),
    address: z.string(),
    vmSize: z.string().nullable(),
    consulVersion: z.string().nullable(),
    agentSeenAt: timestampSchema.nullable(),
    raftRole: z.enum(['leader', 'voter', 'non-voter']).nullable().meta({ description: 'As Raft last said; null before it did.' }),
    healthy: z.boolean().nullable().meta({ description: 'As autopilot last said; null before it did.' }),
  })
  .meta({ id: 'Server' });

export const drillSchema = z
  .strictObject({
    snapshotId: identifierSchema,
    at: timestampSchema,
    passed: z.boolean(),
    message: z.string(),
    keys: z.int().nullable(),
    services: z.int().nullable(),
    tokens: z.int().nullable(),
    tookMilliseconds: z.int().nullable(),
  })
  .meta({ id: 'Drill', description: 'A snapshot restored into a throw-away server and read there; what was found.' });
export type DrillBody = z.infer<typeof drillSchema>;

export const clusterBackupSchema = z
  .strictObject({
    lastSnapshot: z
      .strictObject({ id: identifierSchema, name: z.string(), verifiedAt: timestampSchema, sizeBytes: z.int().nullable() })
      .nullable()
      .meta({ description: 'The newest snapshot that was verified; null when there is none.' }),
    lastDrill: drillSchema.nullable(),
    nextSnapshotAt: timestampSchema.nullable(),
  })
  .meta({ id: 'ClusterBackup', description: 'How the cluster could be brought back.' });

export const clusterMaintenanceSchema = z
  .strictObject({
    state: z.enum(['None', 'Planned', 'Unplanned']).meta({
      description:
        'Whether the service works at the cluster without having been asked: Planned upgrades and rotations, Unplanned repairs and work of its engineers.',
    }),
    operationId: identifierSchema.nullable().meta({ description: 'The operation that does that work.' }),
    windowOpensAt: timestampSchema
      .nullable()
      .meta({ description: 'When the maintenance window opens next, in the past while it is open; null without one.' }),
    upgradesDeferredUntil: timestampSchema.nullable(),
  })
  .meta({
    id: 'ClusterMaintenance',
    description: 'What the service does by itself, and when it may begin, with blackout dates and deferral seen to.',
  });

export const clusterSchema = z
  .strictObject({
    id: identifierSchema,
    installationId: identifierSchema,
    name: z.string(),
    provisioningState: provisioningStateSchema,
    powerState: z.enum(['Running', 'Suspended']).meta({ description: 'The machines of a suspended cluster are not billed.' }),
    datacenter: z.string(),
    region: z.string(),
    consulVersion: z.string(),
    servers: z.int(),
    vmSize: z.string(),
    networkCidr: z.string(),
    endpointVisibility: endpointVisibilitySchema,
    snapshotIntervalSeconds: z.int(),
    snapshotRetentionSeconds: z.int(),
    snapshotRetentionCount: z.int(),
    upgradePolicy: upgradePolicySchema,
    maintenanceWindow: maintenanceWindowSchema.nullable(),
    blackoutDates: blackoutDatesSchema,
    email: z.string(),
    tags: tagsSchema,
    plan: z.string(),
    observed: z.strictObject({
      consulVersion: z.string().nullable(),
      privateEndpointUrl: z.string().nullable(),
      publicEndpointUrl: z.string().nullable(),
      storageAccountName: z.string().nullable(),
      observedAt: timestampSchema.nullable().meta({ description: 'When the service last looked; null before it did.' }),
      servers: z.array(serverSchema),
    }),
    conditions: z.array(conditionSchema),
    backup: clusterBackupSchema,
    maintenance: clusterMaintenanceSchema,
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    etag: z.string(),
    createdAt: timestampSchema,
    updatedAt: timestampSchema,
  })
  .meta({ id: 'Cluster' });
export type ClusterBody = z.infer<typeof clusterSchema>;

export const clusterListQuerySchema = pageQuerySchema.extend({ installationId: identifierSchema.optional() });
export const clusterListSchema = pageOf(clusterSchema).meta({ id: 'ClusterList' });

export const clusterEventSchema = z
  .strictObject({
    id: z.string(),
    operationId: identifierSchema.nullable(),
    type: z.string(),
    message: z.string(),
    at: timestampSchema,
  })
  .meta({ id: 'ClusterEvent', description: 'Something that happened to a cluster.' });
export const clusterEventListSchema = pageOf(clusterEventSchema).meta({ id: 'ClusterEventList' });
