import type { AccessRole, Database, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { principalIdsOf, type Caller } from './caller';

const RANK: Record<AccessRole, number> = { Reader: 1, Contributor: 2, Owner: 3 };

/** The strongest of several roles, or undefined when there is none. */
export const strongestRole = (roles: readonly AccessRole[]): AccessRole | undefined =>
  [...roles].sort((one, other) => RANK[other] - RANK[one])[0];

/**
 * Refuses what `role` does not allow. Who has no role at all may not even learn that the thing exists, so that is
 * ResourceNotFound; a role that is too weak is AuthorizationFailed. `thing` is named in the answer, e.g. `cluster 0193…`.
 */
export function requireRole(role: AccessRole | undefined, needed: AccessRole, thing: string): void {
  if (!role) throw new AppError('ResourceNotFound', `There is no ${thing} that you may see.`);
  if (RANK[role] >= RANK[needed]) return;
  throw new AppError(
    'AuthorizationFailed',
    `This needs the role ${needed} on the installation; yours is ${role}. Ask one of its owners to give you more.`,
  );
}

/** Which role assignments are the caller's, as a Prisma condition. */
export const assignmentsOf = (caller: Caller): Prisma.RoleAssignmentWhereInput => ({
  tenantId: caller.tenantId,
  principalId: { in: principalIdsOf(caller) },
});

/** Which installations the caller may see, as a Prisma condition. */
export const visibleTo = (caller: Caller): Prisma.InstallationWhereInput => ({
  state: { not: 'Deleted' },
  roleAssignments: { some: assignmentsOf(caller) },
});

/** The caller's strongest role on an installation. */
export async function findRole(
  database: Database['prisma'] | Transaction,
  caller: Caller,
  installationId: string,
): Promise<AccessRole | undefined> {
  const rows = await database.roleAssignment.findMany({
    where: { installationId, ...assignmentsOf(caller) },
    select: { role: true },
  });
  return strongestRole(rows.map((row) => row.role));
}
