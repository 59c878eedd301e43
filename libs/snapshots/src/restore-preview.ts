import type { Requester } from '@managed-consul/access';
import { getCluster, OPERATION_KINDS } from '@managed-consul/clusters';
import type { Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { z } from 'zod';

const tokenSchema = z.object({ accessorId: z.string(), description: z.string(), policies: z.array(z.string()) });

/** What a restore would do, as the preview's last step stores it. Nothing in it is secret. */
export const restorePreviewSchema = z.object({
  snapshotId: z.string(),
  /** Tokens that would stop working, as they were made after the snapshot. */
  vanishing: z.array(tokenSchema),
  /** Tokens that were revoked after the snapshot; a restore revokes them again. */
  revokedSince: z.array(tokenSchema),
  /** Tokens that an earlier restore had ended; they would work again. */
  comingBack: z.array(tokenSchema),
  /** What becomes of the root token that the service made; `None` when it made none. */
  rootToken: z.enum(['None', 'KeepsWorking', 'StopsWorking']),
  /** What the snapshot was found to hold. */
  keys: z.number(),
  services: z.number(),
  intentions: z.number(),
  /** The same in sentences. */
  sentences: z.array(z.string()),
});
export type RestorePreview = z.infer<typeof restorePreviewSchema>;

/** The step of `preview-restore` whose output is the preview. */
export const RESTORE_PREVIEW_STEP = 'recordRestorePreview';

/**
 * The answer of a preview. Throws ResourceNotFound, also for operations of another kind, and Conflict while it is not finished
 * or when it failed.
 */
export async function getRestorePreview(
  database: Pick<Database, 'prisma'>,
  { requester, operationId }: { requester: Requester; operationId: string },
): Promise<RestorePreview> {
  const operation = await database.prisma.operation.findUnique({ where: { id: operationId } });
  if (!operation?.clusterId || operation.kind !== OPERATION_KINDS.previewRestore)
    throw new AppError('ResourceNotFound', `There is no preview ${operationId} that you may see.`);
  await getCluster(database.prisma, requester, operation.clusterId, { deleted: true });
  if (operation.state !== 'Succeeded')
    throw new AppError('Conflict', `The preview is ${operation.state}. Its answer is there once it is Succeeded.`);
  const step = await database.prisma.operationStep.findFirst({ where: { operationId, name: RESTORE_PREVIEW_STEP } });
  return restorePreviewSchema.parse(step?.output);
}
