import type { Database, Operation, OperationStep } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

export type FleetOperation = Operation;

/** A step without its output. */
export type FleetStep = Omit<OperationStep, 'output'>;

/** Which operations; what is left out does not narrow. `before` is the id of the last one already seen. */
export interface FleetOperationQuery {
  state?: Operation['state'] | undefined;
  kind?: string | undefined;
  clusterId?: string | undefined;
  correlationId?: string | undefined;
  /** Only those for which a person was called. */
  paged?: boolean;
  before?: string | undefined;
  limit: number;
}

/** Operations of all customers, the newest first. */
export async function findFleetOperations({ prisma }: Database, query: FleetOperationQuery): Promise<FleetOperation[]> {
  const { paged = false, before, limit, ...equal } = query;
  return prisma.operation.findMany({
    where: { ...equal, ...(paged ? { pagedAt: { not: null } } : {}), ...(before ? { id: { lt: before } } : {}) },
    orderBy: { id: 'desc' },
    take: limit,
  });
}

/** One operation with its steps; what they hand to each other is the engine's own. Throws ResourceNotFound. */
export async function getFleetOperation({ prisma }: Database, id: string): Promise<FleetOperation & { steps: FleetStep[] }> {
  const row = await prisma.operation.findUnique({
    where: { id },
    include: { steps: { omit: { output: true }, orderBy: [{ position: 'asc' }, { item: 'asc' }] } },
  });
  if (!row) throw new AppError('ResourceNotFound', `There is no operation ${id}.`);
  return row;
}

/** The newest operation that somebody has asked for and no worker has begun, to be rung for; null when there is none. */
export const findPending = ({ prisma }: Database, subject: string): Promise<{ id: string; wakeNumber: number } | null> =>
  prisma.operation.findFirst({
    where: { subject, state: 'Pending' },
    select: { id: true, wakeNumber: true },
    orderBy: { createdAt: 'desc' },
  });
