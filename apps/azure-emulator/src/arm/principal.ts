/** Who asks: the token's subject, or the emulator itself. */
export interface Principal {
  /** `oid`: what role assignments name. */
  readonly objectId: string;
  readonly tenantId: string;
  readonly type: 'User' | 'ServicePrincipal' | 'System';
  /** Client id; undefined for a user. */
  readonly applicationId: string | undefined;
  /** What error texts call the caller: client id or user name. */
  readonly displayName: string;
}

/** The emulator acting for itself, e.g. the cascade of a deleted group: no role, lock or deny assignment is asked. */
export const systemPrincipal: Principal = {
  objectId: '00000000-0000-0000-0000-000000000000',
  tenantId: '00000000-0000-0000-0000-000000000000',
  type: 'System',
  applicationId: undefined,
  displayName: 'Azure Resource Manager',
};
