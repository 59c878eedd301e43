import { z } from 'zod';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { Database } from '@managed-consul/database';

const inputSchema = z.object({ snapshotId: z.string() });

/** When each snapshot of an installation was last restored into its cluster, by its id; those that never were are missing. */
export async function readLastRestores({ prisma }: Database, installationId: string): Promise<ReadonlyMap<string, Date>> {
  const restores = await prisma.operation.findMany({
    where: { installationId, kind: OPERATION_KINDS.restoreCluster, state: 'Succeeded' },
    orderBy: { finishedAt: 'asc' },
    select: { input: true, finishedAt: true },
  });
  return new Map(
    restores.flatMap(({ input, finishedAt }) => (finishedAt ? [[inputSchema.parse(input).snapshotId, finishedAt] as const] : [])),
  );
}
