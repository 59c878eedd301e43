import { principalIdsOf, type Caller } from '@managed-consul/access';
import type { AdminRole } from '@managed-consul/api-contract';

const RANK: Record<AdminRole, number> = { viewer: 1, operator: 2, lead: 3 };

/** Who operates the service: the tenant that they are in, and the object ids that each role was given to. */
export interface OperatorList {
  tenantId: string;
  viewers: readonly string[];
  operators: readonly string[];
  leads: readonly string[];
}

/** The object ids of a setting, as tokens write them; none when it is not given. */
export const readObjectIds = (text = ''): string[] =>
  text
    .split(',')
    .map((id) => id.trim().toLowerCase())
    .filter((id) => id !== '');

/** The caller's strongest role; undefined for an outsider. */
export function roleOf(list: OperatorList, caller: Caller): AdminRole | undefined {
  if (caller.tenantId !== list.tenantId.toLowerCase()) return undefined;
  const mine = principalIdsOf(caller).map((id) => id.toLowerCase());
  const given = (ids: readonly string[]) => ids.some((id) => mine.includes(id));
  if (given(list.leads)) return 'lead';
  if (given(list.operators)) return 'operator';
  return given(list.viewers) ? 'viewer' : undefined;
}

export const suffices = (role: AdminRole, needed: AdminRole): boolean => RANK[role] >= RANK[needed];
