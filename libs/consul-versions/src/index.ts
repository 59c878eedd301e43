/**
 * The catalogue: Consul versions with status, licence and verified programs, Azure regions, plans. Data that an operator
 * changes, never code. And the rules by which servers may go from one version to another. Knows nothing of who runs which version.
 */
export { findConsulPrograms, registerConsulArtifact, type ConsulProgram } from './artifacts';
export {
  compareVersionsDescending,
  listConsulVersions,
  listPlans,
  listRegions,
  type ConsulVersionWithArtifacts,
} from './catalogue';
export {
  listUpgradeVersions,
  newestPatch,
  planUpgrade,
  type CatalogueEntry,
  type UpgradeHop,
  type UpgradePlan,
  type UpgradeRefusal,
  type UpgradeRefusalCode,
  type UpgradeVersion,
  type UpgradeWish,
} from './upgrade-path';
export type { UpgradeWarning } from './upgrade-checkpoints';
export { compareNumbers, inSameLine, parseVersion, type VersionNumber } from './version-number';
