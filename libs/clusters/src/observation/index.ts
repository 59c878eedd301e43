export {
  FINDING_REASONS,
  isConfirmed,
  type ClusterFacts,
  type Finding,
  type FindingReason,
  type SeenFinding,
  type ServerFacts,
} from './facts';
export { countFindings, findInServers } from './findings';
export { backupCondition, certificatesCondition, versionCondition } from './record-conditions';
export { conditionsFrom, INFRASTRUCTURE_RULES, SERVER_RULES } from './server-conditions';
export { recordLook, REPAIR_SUSPENDED } from './record-look';
