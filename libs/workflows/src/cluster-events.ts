import type { WorkflowEvent } from '@managed-consul/workflow-engine';
import { cloneClusterEvents } from './clone-cluster/clone-cluster.events';
import { createClusterEvents } from './create-cluster/create-cluster.events';
import { createSecondaryEvents } from './create-secondary/create-secondary.events';
import { createSnapshotLinkEvents } from './create-snapshot-link/create-snapshot-link.events';
import { closeBreakGlassEvents } from './close-break-glass/close-break-glass.events';
import { openBreakGlassEvents } from './open-break-glass/open-break-glass.events';
import { createRootTokenEvents } from './create-root-token/create-root-token.events';
import { deleteSnapshotEvents } from './delete-snapshot/delete-snapshot.events';
import { deleteClusterEvents } from './delete-cluster/delete-cluster.events';
import { takeSnapshotEvents } from './take-snapshot/take-snapshot.events';
import { upgradeClusterEvents } from './upgrade-cluster/upgrade-cluster.events';
import { resizeClusterEvents } from './resize-cluster/resize-cluster.events';
import { resumeClusterEvents } from './resume-cluster/resume-cluster.events';
import { scaleClusterEvents } from './scale-cluster/scale-cluster.events';
import { suspendClusterEvents } from './suspend-cluster/suspend-cluster.events';
import { openFederationEvents } from './open-federation/open-federation.events';
import { repairClusterEvents } from './repair-cluster/repair-cluster.events';
import { drillSnapshotEvents } from './drill-snapshot/drill-snapshot.events';
import type { ClusterEventText, OperationEvents } from './operation-events';
import { rotateAgentTokensEvents } from './rotate-agent-tokens/rotate-agent-tokens.events';
import { rotateCertificateAuthorityEvents } from './rotate-certificate-authority/rotate-certificate-authority.events';
import { rotateConnectAuthorityEvents } from './rotate-connect-authority/rotate-connect-authority.events';
import { rotateGossipKeyEvents } from './rotate-gossip-key/rotate-gossip-key.events';
import { rotateServerCertificatesEvents } from './rotate-server-certificates/rotate-server-certificates.events';
import { previewRestoreEvents } from './preview-restore/preview-restore.events';
import { recoverQuorumEvents } from './recover-quorum/recover-quorum.events';
import { restoreClusterEvents } from './restore-cluster/restore-cluster.events';
import { restartServerEvents } from './restart-server/restart-server.events';
import { redeployServerEvents } from './redeploy-server/redeploy-server.events';
import { replaceServerEvents } from './replace-server/replace-server.events';
import { transferLeadershipEvents } from './transfer-leadership/transfer-leadership.events';
import { removePeerEvents } from './remove-peer/remove-peer.events';
import { isPassedBy } from './shared-steps/passed-by';

/** Every operation that a cluster's history tells of. */
const ALL_EVENTS: readonly OperationEvents[] = [
  //
  createClusterEvents,
  deleteClusterEvents,
  createRootTokenEvents,
  repairClusterEvents,
  takeSnapshotEvents,
  rotateAgentTokensEvents,
  rotateCertificateAuthorityEvents,
  rotateConnectAuthorityEvents,
  rotateGossipKeyEvents,
  upgradeClusterEvents,
  deleteSnapshotEvents,
  createSnapshotLinkEvents,
  rotateServerCertificatesEvents,
  scaleClusterEvents,
  resizeClusterEvents,
  suspendClusterEvents,
  resumeClusterEvents,
  restoreClusterEvents,
  previewRestoreEvents,
  cloneClusterEvents,
  openFederationEvents,
  createSecondaryEvents,
  recoverQuorumEvents,
  drillSnapshotEvents,
  openBreakGlassEvents,
  closeBreakGlassEvents,
  restartServerEvents,
  redeployServerEvents,
  replaceServerEvents,
  transferLeadershipEvents,
  removePeerEvents,
];

const EVENTS: ReadonlyMap<string, OperationEvents> = new Map(ALL_EVENTS.map((events) => [events.operation, events]));

/** What the customer reads about something that the engine saw; undefined for what is no news. */
export function clusterEventText(event: WorkflowEvent): ClusterEventText | undefined {
  const sentences = EVENTS.get(event.operation.kind);
  if (!sentences) return undefined;
  switch (event.type) {
    case 'OperationStarted':
      return { type: `${sentences.name}Started`, message: sentences.started };
    case 'StepSucceeded':
      return isPassedBy(event.output) ? undefined : sentences.milestones?.[event.step];
    case 'StepFailed':
      // The end of the operation tells it.
      return undefined;
    case 'OperationEnded': {
      const { state, error } = event.outcome;
      return {
        type: `${sentences.name}${state}`,
        message: error && state === 'Failed' ? `${sentences[state]} ${error.message}` : sentences[state],
      };
    }
  }
}
