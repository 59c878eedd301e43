import { z } from 'zod';
import { operationStatusSchema, operationStepSchema } from '../operation.schema';
import { identifierSchema, pageOf, pageQuerySchema, timestampSchema } from '../primitives.schema';

/** What an operator may do: each role holds those before it. */
export const adminRoleSchema = z.enum(['viewer', 'operator', 'lead']);
export type AdminRole = z.infer<typeof adminRoleSchema>;

/** Why; every write carries it, and it is kept and shown to the customer whom it touches. */
export const groundsSchema = z.strictObject({
  reason: z.string().trim().min(10).max(500).meta({ description: 'Why, for whoever reads the record; customers see it.' }),
  ticket: z
    .string()
    .regex(/^[\w./#-]{2,100}$/, 'is no ticket number')
    .meta({ description: 'Where it was asked for.' }),
});

export const skipStepSchema = groundsSchema.extend({
  step: z.string().min(1).max(100).meta({ description: 'Name of the step that the operation waits at.' }),
  item: z.string().max(200).default('').meta({ description: 'Of a step that is done for each server: which.' }),
});

export const writeQuerySchema = z.strictObject({
  dryRun: z.enum(['true', 'false']).optional().meta({ description: 'true: say what would be done, and do nothing.' }),
});

/** What a write does or, for a dry run, would do. */
export const writeAnswerSchema = z.strictObject({
  dryRun: z.boolean(),
  action: z.string(),
  summary: z.string().meta({ description: 'What is done, in a sentence.' }),
  before: z.record(z.string(), z.unknown()),
  after: z.record(z.string(), z.unknown()),
});
export type WriteAnswerBody = z.infer<typeof writeAnswerSchema>;

const provisioningStateSchema = z.enum([
  'Accepted',
  'Creating',
  'Updating',
  'Deleting',
  'Succeeded',
  'Failed',
  'Canceled',
  'Deleted',
]);

export const fleetClusterSchema = z.strictObject({
  id: identifierSchema,
  name: z.string(),
  tenantId: z.string(),
  subscriptionId: z.string(),
  resourceGroup: z.string(),
  installationId: identifierSchema,
  region: z.string(),
  provisioningState: provisioningStateSchema,
  powerState: z.enum(['Running', 'Suspended']),
  consulVersion: z.string(),
  observedConsulVersion: z.string().nullable(),
  servers: z.int(),
  vmSize: z.string(),
  planId: z.string(),
  findings: z.int().meta({ description: 'How many things are wrong with it, by the last look.' }),
  observedAt: timestampSchema.nullable(),
  createdAt: timestampSchema,
  deletedAt: timestampSchema.nullable(),
});
export type FleetClusterBody = z.infer<typeof fleetClusterSchema>;
export const fleetClusterListSchema = pageOf(fleetClusterSchema);

export const fleetClusterQuerySchema = pageQuerySchema.extend({
  tenantId: z.uuid().optional(),
  subscriptionId: z.string().max(100).optional(),
  region: z.string().max(100).optional(),
  consulVersion: z.string().max(40).optional(),
  provisioningState: provisioningStateSchema.optional(),
  name: z.string().max(100).optional().meta({ description: 'Part of the name, whatever the case.' }),
  health: z.enum(['healthy', 'unhealthy']).optional().meta({ description: 'unhealthy: something is wrong, or it failed.' }),
  createdBefore: timestampSchema.optional(),
  deleted: z.enum(['true', 'false']).optional().meta({ description: 'true: deleted ones too.' }),
});

const recordSchema = z.record(z.string(), z.unknown());

export const clusterDumpSchema = z.strictObject({
  cluster: recordSchema,
  installation: recordSchema,
  federation: recordSchema.nullable(),
  servers: z.array(recordSchema),
  findings: z.array(recordSchema),
  schedules: z.array(recordSchema),
  operations: z.array(recordSchema),
  snapshots: z.array(recordSchema),
  events: z.array(recordSchema),
  audit: z.array(recordSchema),
  certificates: z.array(recordSchema),
  enrolments: z.array(recordSchema),
  rootTokens: z.array(recordSchema),
});

export const fleetOperationSchema = z.strictObject({
  id: identifierSchema,
  kind: z.string(),
  subject: z.string(),
  clusterId: identifierSchema.nullable(),
  installationId: identifierSchema.nullable(),
  lane: z.enum(['Change', 'Delete']),
  state: operationStatusSchema,
  requestedBy: z.string(),
  correlationId: z.string().nullable(),
  currentStep: z.string().nullable(),
  waitingFor: z.string().nullable(),
  wakeAt: timestampSchema.nullable(),
  lease: z.strictObject({ owner: z.string(), until: timestampSchema.nullable() }).nullable(),
  cancelRequestedAt: timestampSchema.nullable(),
  pagedAt: timestampSchema.nullable(),
  error: z.strictObject({ code: z.string(), message: z.string(), step: z.string().nullable() }).nullable(),
  createdAt: timestampSchema,
  startedAt: timestampSchema.nullable(),
  finishedAt: timestampSchema.nullable(),
});
export type FleetOperationBody = z.infer<typeof fleetOperationSchema>;
export const fleetOperationListSchema = pageOf(fleetOperationSchema);

export const fleetStepSchema = operationStepSchema
  .extend({
    skippable: z.string().nullable().meta({ description: 'Why nothing is lost when the step is skipped; null: it never is.' }),
    skippedBy: z.string().nullable().meta({ description: 'The operator who had it skipped.' }),
  })
  .meta({ id: 'FleetOperationStep' });
export type FleetStepBody = z.infer<typeof fleetStepSchema>;

export const fleetOperationDetailSchema = fleetOperationSchema.extend({
  input: z.unknown(),
  steps: z.array(fleetStepSchema),
});

export const fleetOperationQuerySchema = pageQuerySchema.extend({
  state: operationStatusSchema.optional(),
  kind: z.string().max(100).optional(),
  clusterId: z.uuid().optional(),
  correlationId: z.string().max(128).optional(),
  paged: z.literal('true').optional().meta({ description: 'Only those that take so long that a person was called.' }),
});

export const queueSchema = z.strictObject({
  unfinished: z.array(z.strictObject({ kind: z.string(), pending: z.int(), running: z.int() })),
  due: z.int().meta({ description: 'Wait for a worker now.' }),
  oldestDueSeconds: z.number().nullable().meta({ description: 'How long the first of them has been waiting.' }),
  workers: z.array(z.strictObject({ name: z.string(), leases: z.int(), leaseUntil: timestampSchema })),
  expiredLeases: z.int().meta({ description: 'Held by workers that no longer renew them; the sweeper takes them back.' }),
  failing: z
    .array(z.strictObject({ operationId: identifierSchema, kind: z.string(), step: z.string(), failures: z.int() }))
    .meta({ description: 'Steps that failed most often in a row, the worst first.' }),
});
export type QueueBody = z.infer<typeof queueSchema>;

export const versionStatusSchema = z.enum(['AVAILABLE', 'RECOMMENDED', 'PREVIEW', 'BLOCKED']);

export const fleetVersionSchema = z.strictObject({
  version: z.string(),
  status: versionStatusSchema,
  licence: z.string(),
  blockedReason: z.string().nullable(),
  platforms: z.array(z.string()),
  clusters: z.int().meta({ description: 'Living clusters that want it.' }),
});
export type FleetVersionBody = z.infer<typeof fleetVersionSchema>;
export const fleetVersionListSchema = z.strictObject({ value: z.array(fleetVersionSchema) });

export const setVersionSchema = groundsSchema.extend({
  status: versionStatusSchema,
  blockedReason: z.string().trim().min(10).max(500).optional().meta({ description: 'What customers are told; with BLOCKED.' }),
});

export const setRegionSchema = groundsSchema.extend({ open: z.boolean() });

export const auditQuerySchema = pageQuerySchema.extend({
  clusterId: z.uuid().optional(),
  installationId: z.uuid().optional(),
  tenantId: z.uuid().optional().meta({ description: 'What was done by this tenant, or to an installation of it.' }),
  operationId: z.uuid().optional(),
  actorId: z.string().max(100).optional(),
  actorKind: z.enum(['Customer', 'Operator']).optional(),
  action: z.string().max(100).optional(),
  ticket: z.string().max(100).optional(),
  correlationId: z.string().max(128).optional(),
  since: timestampSchema.optional(),
  until: timestampSchema.optional(),
});

export const auditEventSchema = z.strictObject({
  id: z.string(),
  at: timestampSchema,
  actorKind: z.enum(['Customer', 'Operator']),
  actorTenantId: z.string().nullable(),
  actorId: z.string(),
  action: z.string(),
  installationId: identifierSchema.nullable(),
  clusterId: identifierSchema.nullable(),
  operationId: identifierSchema.nullable(),
  reason: z.string().nullable(),
  ticket: z.string().nullable(),
  detail: z.unknown(),
  beforeHash: z.string().nullable(),
  afterHash: z.string().nullable(),
  correlationId: z.string().nullable(),
});
export const auditEventListSchema = pageOf(auditEventSchema);
