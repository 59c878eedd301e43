import { z } from 'zod';
import { identifierSchema } from './primitives.schema';

const snapshotIdSchema = identifierSchema.meta({ description: 'A VERIFIED snapshot of this cluster.' });

export const previewRestoreRequestSchema = z.strictObject({ snapshotId: snapshotIdSchema }).meta({ id: 'PreviewRestoreRequest' });

export const restoreRequestSchema = z
  .strictObject({
    snapshotId: snapshotIdSchema,
    safetySnapshot: z.boolean().optional().meta({ description: 'Whether to take a snapshot first; true unless said.' }),
  })
  .meta({
    id: 'RestoreRequest',
    description: 'Everything written since the snapshot is lost; a preview says what that means for tokens.',
  });

const reportedTokenSchema = z
  .strictObject({ accessorId: z.string(), description: z.string(), policies: z.array(z.string()) })
  .meta({ id: 'ReportedToken', description: 'An ACL token without its secret.' });

export const restorePreviewSchema = z
  .strictObject({
    snapshotId: identifierSchema,
    vanishing: z.array(reportedTokenSchema).meta({ description: 'Tokens made since the snapshot; they would stop working.' }),
    revokedSince: z
      .array(reportedTokenSchema)
      .meta({ description: 'Tokens revoked since the snapshot; the restore revokes them again.' }),
    comingBack: z
      .array(reportedTokenSchema)
      .meta({ description: 'Tokens that an earlier restore had ended; they would work again.' }),
    rootToken: z.enum(['None', 'KeepsWorking', 'StopsWorking']),
    keys: z.int(),
    services: z.int(),
    intentions: z.int(),
    sentences: z.array(z.string()).meta({ description: 'The same for people.' }),
  })
  .meta({
    id: 'RestorePreview',
    description: 'What a restore would do; found by restoring the snapshot into a throw-away server.',
  });

export const recoverQuorumRequestSchema = z
  .strictObject({
    from: z.enum(['Survivors', 'Snapshot']).meta({
      description:
        'Survivors: from the servers that are left, losing nothing that they know. Snapshot: new servers, as it was then.',
    }),
    snapshotId: snapshotIdSchema.optional().meta({ description: 'Needed with Snapshot, and only then.' }),
  })
  .meta({ id: 'RecoverQuorumRequest' });
