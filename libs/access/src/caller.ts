/** Who asks: an Entra principal of a tenant, as a verified token names it. */
export interface Caller {
  tenantId: string;
  /** Object id (`oid`) of the user or service principal. */
  objectId: string;
  /** Object ids of the groups that the token lists. */
  groupIds: readonly string[];
}

/** A caller together with the request that it makes: what audit rows and operations record. */
export interface Requester extends Caller {
  correlationId: string;
}

/** How a caller is written in `requestedBy`: `<tenant>/<object>`. */
export const nameOf = (caller: Caller): string => `${caller.tenantId}/${caller.objectId}`;

/** The ids under which a caller may have been given a role: its own, and those of its groups. */
export const principalIdsOf = (caller: Caller): string[] => [caller.objectId, ...caller.groupIds];
