/**
 * The catalogue: Consul versions with status, licence and verified programs, Azure regions, plans. Data that an operator
 * changes, never code. Knows nothing of who runs which version.
 */
export { findConsulPrograms, registerConsulArtifact, type ConsulProgram } from './artifacts';
export {
  compareVersionsDescending,
  listConsulVersions,
  listPlans,
  listRegions,
  type ConsulVersionWithArtifacts,
} from './catalogue';
