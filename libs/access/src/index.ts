/**
 * Who asks and what they may do: Entra token verification, roles on installations, repeatable requests and the audit record.
 * Who may not see a thing is told that it does not exist. Knows no web framework.
 */
export { nameOf, principalIdsOf, type Caller, type Requester } from './caller';
export { createTokenVerifier, type TokenVerifier, type TokenVerifierOptions } from './token-verifier';
export { createTenantKeys, type TenantKeys } from './tenant-keys';
export { assignmentsOf, findRole, requireRole, strongestRole, visibleTo } from './roles';
export {
  findBarred,
  refusalOfBarred,
  requireAdmission,
  requireGoodStanding,
  requireWritable,
  type BarredTenant,
} from './tenant-standing';
export {
  answerOnce,
  confirmSameRequest,
  forgetOldAnswers,
  hashRequest,
  type RepeatableRequest,
  type StoredAnswer,
} from './idempotency';
export { recordAudit, type AuditEntry, type OperatorGrounds } from './audit';
export { findAuditEvents, type AuditQuery } from './audit-reads';
export { verifyAuditChains, type AuditFault, type AuditHead, type AuditVerdict } from './audit-chain';
