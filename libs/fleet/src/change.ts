import { recordAudit, type OperatorGrounds, type Requester } from '@managed-consul/access';
import type { Prisma, Transaction } from '@managed-consul/database';

/** What an operator is about to change, before it is. */
export interface Change {
  /** As in the audit record, e.g. `cancel-operation`. */
  action: string;
  /** What is done, in a sentence. */
  summary: string;
  before: Prisma.InputJsonObject;
  after: Prisma.InputJsonObject;
  /** Of what it makes; told in `after` once it is made, and by no dry run, which makes nothing. */
  newId?: string;
  clusterId?: string | null;
  installationId?: string | null;
  /** Of a change that touches several: each has an audit event of its own, which its customers read. */
  installationIds?: readonly string[];
  operationId?: string | null;
  /** Does it. */
  apply: (tx: Transaction) => Promise<void>;
}

/** What was done, or for a dry run would have been. */
export interface ChangeOutcome {
  dryRun: boolean;
  action: string;
  summary: string;
  before: Prisma.InputJsonObject;
  after: Prisma.InputJsonObject;
}

/**
 * Carries a planned change out in the transaction that planned it: first the audit event, then the effect, so that there is
 * neither without the other. A dry run does neither.
 */
export async function carryOut(
  tx: Transaction,
  requester: Requester,
  grounds: Pick<OperatorGrounds, 'reason' | 'ticket'>,
  change: Change,
  { dryRun }: { dryRun: boolean },
): Promise<ChangeOutcome> {
  const { action, summary, before, newId, clusterId, operationId, apply } = change;
  const after = dryRun || newId === undefined ? change.after : { id: newId, ...change.after };
  if (!dryRun) {
    const several = change.installationIds ?? [];
    for (const installationId of several.length > 0 ? several : [change.installationId])
      await recordAudit(tx, requester, {
        action,
        detail: { summary, before, after },
        clusterId: clusterId ?? undefined,
        installationId: installationId ?? undefined,
        operationId: operationId ?? undefined,
        operator: { ...grounds, before, after },
      });
    await apply(tx);
  }
  return { dryRun, action, summary, before, after };
}
