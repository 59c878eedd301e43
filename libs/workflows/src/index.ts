/**
 * The lifecycle of clusters and installations: one folder an operation, its list of steps in `<operation>.workflow.ts`, the
 * steps themselves beside it, what operations share in `shared-steps`. Steps act on Azure, agents and Consul and record what
 * they did. Knows no queue and no HTTP.
 */
export { createWorkflowHost, WORKFLOWS } from './workflow-host';
export type { ClusterRecord, MachineSettings, Services, WorkflowDependencies } from './services';
export { findClusterRecord } from './cluster-record';
export { clusterEventText } from './cluster-events';
export * from './observation';
