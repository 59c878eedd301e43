import type { Database, SuspensionCategory, Transaction } from '@managed-consul/database';
import { AppError, type ErrorCode } from '@managed-consul/errors';

/** A tenant that operators refuse something: suspended, or, without a category, on the deny list. */
export interface BarredTenant {
  tenantId: string;
  category: SuspensionCategory | null;
  contact: string;
}

const WHY: Record<SuspensionCategory, string> = {
  NonPayment: 'a bill is not paid',
  Abuse: 'the service was used against its terms',
  Security: 'its accounts or clusters seem to be in the hands of others',
  Legal: 'the law demands it',
};

/** The refusal of what a barred tenant asks for: a stable code, why, and whom to ask. */
export function refusalOfBarred({ tenantId, category, contact }: BarredTenant): {
  code: Extract<ErrorCode, 'TenantSuspended' | 'TenantDenied'>;
  message: string;
} {
  if (category === null) {
    const message = `The service takes no new installations and clusters of tenant ${tenantId}. What is there goes on. Ask ${contact}.`;
    return { code: 'TenantDenied', message };
  }
  const message = `Tenant ${tenantId} is suspended (${category}: ${WHY[category]}). Its clusters go on and can be read, not changed. Ask ${contact}.`;
  return { code: 'TenantSuspended', message };
}

const asError = (barred: BarredTenant): AppError => {
  const { code, message } = refusalOfBarred(barred);
  const { category, tenantId } = barred;
  return new AppError(code, message, category ? { details: [{ code: category, target: tenantId, message: WHY[category] }] } : {});
};

/** Those of the tenants that are refused something; of one that is both, the suspension comes first. */
export function findBarred(database: Database['prisma'] | Transaction, tenantIds: readonly string[]): Promise<BarredTenant[]> {
  const ids = tenantIds.map((id) => id.toLowerCase());
  return database.$queryRaw<BarredTenant[]>`
    SELECT tenant_id AS "tenantId", category, contact FROM barred_tenants WHERE tenant_id = ANY(${ids})
    ORDER BY category IS NULL, tenant_id`;
}

/** Refuses a write of, or on, a suspended tenant. Throws TenantSuspended. */
export async function requireGoodStanding(
  database: Database['prisma'] | Transaction,
  ...tenantIds: readonly string[]
): Promise<void> {
  const suspended = (await findBarred(database, tenantIds)).find(({ category }) => category !== null);
  if (suspended) throw asError(suspended);
}

/** Refuses new things of a tenant that is suspended or on the deny list. Throws TenantSuspended, TenantDenied. */
export async function requireAdmission(
  database: Database['prisma'] | Transaction,
  ...tenantIds: readonly string[]
): Promise<void> {
  const [barred] = await findBarred(database, tenantIds);
  if (barred) throw asError(barred);
}

/**
 * Refuses a write on an installation whose tenant, or whose caller's tenant, is suspended. Behind the look at the caller's role:
 * who may not see the installation learns nothing of its standing. Throws TenantSuspended.
 */
export async function requireWritable(
  database: Database['prisma'] | Transaction,
  caller: { tenantId: string },
  installationId: string,
): Promise<void> {
  const place = await database.installation.findUnique({ where: { id: installationId }, select: { tenantId: true } });
  await requireGoodStanding(database, caller.tenantId, ...(place ? [place.tenantId] : []));
}
