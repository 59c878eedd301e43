import { z } from 'zod';
import { maintenanceWindowSchema } from '../cluster.schema';
import { identifierSchema, pageOf, pageQuerySchema, timestampSchema } from '../primitives.schema';
import { rotationTargetSchema } from '../rotation.schema';
import { groundsSchema } from './admin.schema';

const taskSchema = z
  .enum(['Upgrade', ...rotationTargetSchema.options])
  .meta({ description: 'Upgrade, or what is made anew at every cluster.' });

const listOf = (of: z.ZodType<string>) => z.array(of).min(1).max(1000).optional();
const nameSchema = z.string().min(1).max(100);

const selectionSchema = z
  .strictObject({
    regions: listOf(nameSchema),
    consulVersions: listOf(nameSchema),
    tenantIds: listOf(z.uuid()),
    planIds: listOf(nameSchema),
    clusterIds: listOf(z.uuid()),
    exceptRegions: listOf(nameSchema),
    exceptTenantIds: listOf(z.uuid()),
    exceptClusterIds: listOf(z.uuid()),
  })
  .meta({ description: 'The clusters that every given list allows; at least one list is needed.' });

const paceSchema = z.strictObject({
  selection: selectionSchema,
  concurrency: z.int().min(1).max(100).default(5).meta({ description: 'Clusters at the same time.' }),
  toleratedPercent: z
    .int()
    .min(0)
    .max(50)
    .default(5)
    .meta({ description: 'More failures than this part of a wave pause the rollout; of a small wave none is tolerated.' }),
  soakSeconds: z
    .int()
    .min(0)
    .max(7 * 86_400)
    .default(900)
    .meta({ description: 'How long a wave is watched after its last cluster, before the next one begins.' }),
});

export const beginRolloutSchema = groundsSchema.extend({
  ...paceSchema.shape,
  task: taskSchema,
  consulVersion: nameSchema.optional().meta({ description: 'Where an upgrade goes to.' }),
  evenIfManual: z.boolean().optional().meta({ description: 'Upgrade also clusters whose customers upgrade by hand.' }),
});

export const resumeRolloutSchema = groundsSchema.extend({
  failed: z
    .enum(['retry', 'accept'])
    .meta({ description: 'Clusters at which it failed: another turn, or left as they are and no reason to stop any more.' }),
  consulVersion: nameSchema.optional().meta({ description: 'Another version for all whose turn is to come.' }),
});

const stateSchema = z.enum(['Running', 'Paused', 'Succeeded', 'Aborted']);
const turnStateSchema = z.enum(['Waiting', 'Running', 'Succeeded', 'Failed', 'Skipped']);

export const rolloutSchema = z.strictObject({
  id: identifierSchema,
  task: taskSchema,
  consulVersion: z.string().nullable(),
  selection: z.record(z.string(), z.unknown()),
  state: stateSchema,
  pauseReason: z.string().nullable(),
  wave: z.int(),
  waves: z.int(),
  clusters: z.record(turnStateSchema, z.int()),
  concurrency: z.int(),
  toleratedPercent: z.int(),
  soakSeconds: z.int(),
  evenIfManual: z.boolean(),
  reason: z.string(),
  ticket: z.string(),
  createdAt: timestampSchema,
  finishedAt: timestampSchema.nullable(),
});
export type RolloutBody = z.infer<typeof rolloutSchema>;
export const rolloutListSchema = pageOf(rolloutSchema);
export const rolloutQuerySchema = pageQuerySchema.extend({ state: stateSchema.optional() });

const rolloutClusterSchema = z.strictObject({
  clusterId: identifierSchema,
  name: z.string().nullable(),
  region: z.string().nullable(),
  consulVersion: z.string().nullable(),
  wave: z.int(),
  state: turnStateSchema,
  message: z.string().nullable().meta({ description: 'Why it waits, failed or was left out.' }),
  operationId: identifierSchema.nullable(),
  attempts: z.int(),
  accepted: z.boolean(),
  startedAt: timestampSchema.nullable(),
  endedAt: timestampSchema.nullable(),
});
export type RolloutClusterBody = z.infer<typeof rolloutClusterSchema>;
export const rolloutClusterListSchema = pageOf(rolloutClusterSchema);
export const rolloutClusterQuerySchema = pageQuerySchema.extend({ state: turnStateSchema.optional() });

const scopeSchema = z.enum(['All', 'Region', 'Tenant', 'Cluster']);

export const freezeRequestSchema = groundsSchema.extend({
  scope: scopeSchema,
  value: nameSchema.optional().meta({ description: 'Name of the region, id of the tenant or of the cluster; nothing for All.' }),
  until: timestampSchema,
});

export const freezeSchema = z.strictObject({
  id: identifierSchema,
  scope: scopeSchema,
  value: z.string().nullable(),
  until: timestampSchema,
  reason: z.string(),
  ticket: z.string(),
  createdAt: timestampSchema,
});
export type FreezeBody = z.infer<typeof freezeSchema>;
export const freezeListSchema = z.strictObject({ value: z.array(freezeSchema) });

export const maintenanceScheduleRequestSchema = groundsSchema.extend({
  ...paceSchema.shape,
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/, 'is no name: lower-case letters, digits and hyphens'),
  task: taskSchema,
  moment: maintenanceWindowSchema,
  everyWeeks: z.int().min(1).max(52),
});

export const maintenanceScheduleSchema = z.strictObject({
  id: identifierSchema,
  name: z.string(),
  task: taskSchema,
  selection: z.record(z.string(), z.unknown()),
  moment: z.unknown(),
  everyWeeks: z.int(),
  nextAt: timestampSchema,
  reason: z.string(),
  ticket: z.string(),
});
export type MaintenanceScheduleBody = z.infer<typeof maintenanceScheduleSchema>;
export const maintenanceScheduleListSchema = z.strictObject({ value: z.array(maintenanceScheduleSchema) });
