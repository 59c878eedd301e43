export {
  FINDING_REASONS,
  isConfirmed,
  type ClusterFacts,
  type FederationFacts,
  type Finding,
  type FindingReason,
  type SeenFinding,
  type ServerFacts,
} from './facts';
export { countFindings, findInFederation, findInServers } from './findings';
export { backupCondition, certificatesCondition, versionCondition } from './record-conditions';
export { conditionsFrom, FEDERATION_RULES, INFRASTRUCTURE_RULES, SERVER_RULES } from './server-conditions';
export { recordLook, REPAIR_SUSPENDED } from './record-look';
