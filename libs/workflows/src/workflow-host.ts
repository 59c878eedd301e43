import type { Clock } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import { defineWorkflows, type OperationRecord, type WorkflowHost } from '@managed-consul/workflow-engine';
import { clusterEventText } from './cluster-events';
import { findClusterRecord } from './cluster-record';
import { cloneCluster } from './clone-cluster/clone-cluster.workflow';
import { createCluster } from './create-cluster/create-cluster.workflow';
import { createSecondary } from './create-secondary/create-secondary.workflow';
import { createSnapshotLink } from './create-snapshot-link/create-snapshot-link.workflow';
import { closeBreakGlass } from './close-break-glass/close-break-glass.workflow';
import { openBreakGlass } from './open-break-glass/open-break-glass.workflow';
import { createRootToken } from './create-root-token/create-root-token.workflow';
import { deleteCluster } from './delete-cluster/delete-cluster.workflow';
import { deleteSnapshot } from './delete-snapshot/delete-snapshot.workflow';
import { drillSnapshot } from './drill-snapshot/drill-snapshot.workflow';
import { openFederation } from './open-federation/open-federation.workflow';
import { recordOutcome } from './outcomes';
import { previewRestore } from './preview-restore/preview-restore.workflow';
import { registerInstallation } from './register-installation/register-installation.workflow';
import { repairCluster } from './repair-cluster/repair-cluster.workflow';
import { removeInstallation } from './remove-installation/remove-installation.workflow';
import { takeSnapshot } from './take-snapshot/take-snapshot.workflow';
import { rotateAgentTokens } from './rotate-agent-tokens/rotate-agent-tokens.workflow';
import { rotateCertificateAuthority } from './rotate-certificate-authority/rotate-certificate-authority.workflow';
import { rotateConnectAuthority } from './rotate-connect-authority/rotate-connect-authority.workflow';
import { rotateGossipKey } from './rotate-gossip-key/rotate-gossip-key.workflow';
import { upgradeCluster } from './upgrade-cluster/upgrade-cluster.workflow';
import { rotateServerCertificates } from './rotate-server-certificates/rotate-server-certificates.workflow';
import { resizeCluster } from './resize-cluster/resize-cluster.workflow';
import { resumeCluster } from './resume-cluster/resume-cluster.workflow';
import { compareUsage } from './compare-usage/compare-usage.workflow';
import { sendUsage } from './send-usage/send-usage.workflow';
import { scaleCluster } from './scale-cluster/scale-cluster.workflow';
import { suspendCluster } from './suspend-cluster/suspend-cluster.workflow';
import { recoverQuorum } from './recover-quorum/recover-quorum.workflow';
import { restoreCluster } from './restore-cluster/restore-cluster.workflow';
import { restartServer } from './restart-server/restart-server.workflow';
import { redeployServer } from './redeploy-server/redeploy-server.workflow';
import { replaceServer } from './replace-server/replace-server.workflow';
import { transferLeadership } from './transfer-leadership/transfer-leadership.workflow';
import { removePeer } from './remove-peer/remove-peer.workflow';
import { noCluster, type ClusterRecord, type Services, type WorkflowDependencies } from './services';

/** Every lifecycle operation of the service. */
export const WORKFLOWS = [
  createCluster,
  deleteCluster,
  createRootToken,
  registerInstallation,
  removeInstallation,
  repairCluster,
  takeSnapshot,
  rotateAgentTokens,
  rotateCertificateAuthority,
  rotateConnectAuthority,
  rotateGossipKey,
  upgradeCluster,
  deleteSnapshot,
  createSnapshotLink,
  rotateServerCertificates,
  scaleCluster,
  resizeCluster,
  suspendCluster,
  resumeCluster,
  restoreCluster,
  previewRestore,
  cloneCluster,
  openFederation,
  createSecondary,
  recoverQuorum,
  drillSnapshot,
  sendUsage,
  compareUsage,
  openBreakGlass,
  closeBreakGlass,
  restartServer,
  redeployServer,
  replaceServer,
  transferLeadership,
  removePeer,
] as const;

async function readCluster({ database }: WorkflowDependencies, operation: OperationRecord): Promise<ClusterRecord> {
  const { clusterId } = operation;
  if (!clusterId) return noCluster(operation.kind);
  const found = await findClusterRecord(database, clusterId);
  if (!found) throw new TerminalError('ResourceNotFound', 'The cluster does not exist any more.');
  return found;
}

/** The lifecycle as the workflow engine runs it. `log` is where an operator is told that an operation takes too long. */
export function createWorkflowHost(
  dependencies: WorkflowDependencies,
  { clock, log }: { clock: Clock; log: Logger },
): WorkflowHost<Services> {
  return {
    workflows: defineWorkflows<Services>(WORKFLOWS),
    buildServices: async (operation) => ({ ...dependencies, cluster: await readCluster(dependencies, operation) }),
    recordOutcome: (tx, operation, outcome) => recordOutcome(tx, operation, outcome, clock.now()),
    page: async ({ id, kind, clusterId, currentStep, startedAt }) => {
      const fields = { page: true, operationId: id, kind, clusterId, currentStep, startedAt };
      log.error(fields, 'An operation takes longer than its workflow allows; look at what its step waits for');
    },
    describe: clusterEventText,
  };
}
