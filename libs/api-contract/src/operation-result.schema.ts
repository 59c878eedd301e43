import { z } from 'zod';
import { clusterSchema } from './cluster.schema';
import { restorePreviewSchema } from './restore.schema';
import { snapshotLinkSchema, snapshotSchema } from './snapshot.schema';

/** What an operation led to; which of these it is follows from the operation's kind. */
export const operationResultSchema = z
  .union([clusterSchema, snapshotSchema, snapshotLinkSchema, restorePreviewSchema])
  .meta({ id: 'OperationResult' });
export type OperationResultBody = z.infer<typeof operationResultSchema>;
