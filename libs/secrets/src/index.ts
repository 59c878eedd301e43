/**
 * Secrets at rest (envelope encryption: a data key per owner, wrapped by a key-encryption key) and certificates
 * (authorities, issuing from requests, recording). Knows no cluster rules: an owner is a name.
 */
export { SecretStore, type SecretOwner } from './secret-store';
export type { KeyWrapper, WrappedKey } from './key-wrapper';
export { LocalKeyFile } from './local-key-file';
export {
  CertificateRequestError,
  createCertificateAuthority,
  issueCertificate,
  maySignSuccessor,
  signSuccessor,
  type CertificateAuthority,
  type IssuedCertificate,
  type IssueOptions,
  type SubjectAlternativeName,
} from './certificate-authority';
export {
  issueClientCertificate,
  issueConsulServerCertificate,
  namesAddress,
  recordCertificate,
  type ConsulServerCertificate,
} from './certificates';
