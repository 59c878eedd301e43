import { z } from 'zod';
import { clusterSchema } from './cluster.schema';
import { identifierSchema, pageOf, timestampSchema } from './primitives.schema';

export const operationStatusSchema = z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Canceled']);

export const operationStepSchema = z
  .strictObject({
    name: z.string(),
    item: z.string().meta({ description: 'Server that the step works on; empty when it works on the whole cluster.' }),
    position: z.int(),
    state: z.enum(['Running', 'Waiting', 'Succeeded', 'Failed', 'Skipped']).meta({
      description: 'Skipped: the step could be done without, and an operator of the service has had it passed by.',
    }),
    attempts: z.int(),
    waitingFor: z.string().nullable(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    lastProblem: z.string().nullable().meta({
      description: 'Why the step was tried again the last time; stays when a later try works. Null if none was needed.',
    }),
    startedAt: timestampSchema,
    finishedAt: timestampSchema.nullable(),
  })
  .meta({ id: 'OperationStep' });
export type OperationStepBody = z.infer<typeof operationStepSchema>;

/** `status`, `startTime`, `endTime` and `error` are named as Azure's own pollers expect them. */
export const operationSchema = z
  .strictObject({
    id: identifierSchema,
    kind: z.string(),
    status: operationStatusSchema,
    clusterId: identifierSchema.nullable(),
    installationId: identifierSchema.nullable(),
    requestedBy: z.string(),
    cancelRequested: z.boolean(),
    currentStep: z.string().nullable(),
    waitingFor: z.string().nullable(),
    createdAt: timestampSchema,
    startTime: timestampSchema.nullable(),
    endTime: timestampSchema.nullable(),
    error: z.strictObject({ code: z.string(), message: z.string(), step: z.string().nullable() }).nullable(),
    steps: z.array(operationStepSchema),
  })
  .meta({ id: 'Operation' });
export type OperationBody = z.infer<typeof operationSchema>;

export const operationListSchema = pageOf(operationSchema).meta({ id: 'OperationList' });

export const operationWaitQuerySchema = z.strictObject({
  wait: z.coerce.number<number | string>().int().min(0).max(60).optional().meta({
    description: 'Answer only when the operation has changed, or after so many seconds (up to 60).',
  }),
});

/** What a request that began an operation answers. */
export const acceptedClusterSchema = z
  .strictObject({ cluster: clusterSchema, operation: operationSchema })
  .meta({ id: 'AcceptedCluster' });
export const acceptedOperationSchema = z.strictObject({ operation: operationSchema }).meta({ id: 'AcceptedOperation' });

export const acceptedRootTokenSchema = z
  .strictObject({
    operation: operationSchema,
    rootToken: z.strictObject({
      accessorId: identifierSchema,
      secretId: z.string().meta({ description: 'Shown only here; valid once the operation has succeeded.' }),
    }),
  })
  .meta({ id: 'AcceptedRootToken' });
