/** Names that requests and workflows share: whoever asks and whoever carries out must mean the same row. */

/** Kinds of operations that are asked for here. */
export const OPERATION_KINDS = {
  createCluster: 'create-cluster',
  deleteCluster: 'delete-cluster',
  createRootToken: 'create-root-token',
  registerInstallation: 'register-installation',
  removeInstallation: 'remove-installation',
  takeSnapshot: 'take-snapshot',
  deleteSnapshot: 'delete-snapshot',
  createSnapshotLink: 'create-snapshot-link',
  drillSnapshot: 'drill-snapshot',
  previewRestore: 'preview-restore',
  restoreCluster: 'restore-cluster',
  cloneCluster: 'clone-cluster',
  openFederation: 'open-federation',
  createSecondary: 'create-secondary',
  upgradeCluster: 'upgrade-cluster',
  scaleCluster: 'scale-cluster',
  resizeCluster: 'resize-cluster',
  suspendCluster: 'suspend-cluster',
  resumeCluster: 'resume-cluster',
  rotateGossipKey: 'rotate-gossip-key',
  rotateServerCertificates: 'rotate-server-certificates',
  rotateCertificateAuthority: 'rotate-certificate-authority',
  rotateAgentTokens: 'rotate-agent-tokens',
  rotateConnectAuthority: 'rotate-connect-authority',
  repairCluster: 'repair-cluster',
  recoverQuorum: 'recover-quorum',
  restartServer: 'restart-server',
  redeployServer: 'redeploy-server',
  replaceServer: 'replace-server',
  transferLeadership: 'transfer-leadership',
  removePeer: 'remove-peer',
  sendUsage: 'send-usage',
  compareUsage: 'compare-usage',
  openBreakGlass: 'open-break-glass',
  closeBreakGlass: 'close-break-glass',
} as const;

export type OperationKind = (typeof OPERATION_KINDS)[keyof typeof OPERATION_KINDS];

/**
 * Operations that change what a cluster is: it is Updating while they run, then Succeeded or Failed. What is not named here
 * (snapshots, rotations, tokens) leaves the provisioning state as it is.
 */
export const UPDATING_KINDS: readonly string[] = [
  OPERATION_KINDS.restoreCluster,
  OPERATION_KINDS.upgradeCluster,
  OPERATION_KINDS.scaleCluster,
  OPERATION_KINDS.resizeCluster,
  OPERATION_KINDS.suspendCluster,
  OPERATION_KINDS.resumeCluster,
  OPERATION_KINDS.repairCluster,
  OPERATION_KINDS.recoverQuorum,
  OPERATION_KINDS.replaceServer,
];

/** What an operation on a cluster holds alone. */
export const clusterSubject = (clusterId: string): string => `cluster/${clusterId}`;

/** What an operation on an installation holds alone. */
export const installationSubject = (installationId: string): string => `installation/${installationId}`;

/** What an operation on a managed application holds alone, before an installation exists for it. `applicationId` in lower case. */
export const applicationSubject = (applicationId: string): string => `application/${applicationId}`;

/** What an operation on a snapshot alone holds: the cluster may be gone, or do something else meanwhile. */
export const snapshotSubject = (snapshotId: string): string => `snapshot/${snapshotId}`;

/** What opening or closing an access in an emergency holds alone: the cluster may be in the middle of an operation that hangs. */
export const breakGlassSubject = (accessId: string): string => `break-glass/${accessId}`;

/** Under whose name secrets and certificates of a cluster are kept. */
export const secretOwnerOf = (clusterId: string): `cluster/${string}` => `cluster/${clusterId}`;

/** What the secrets of a cluster are for. */
export const SECRET_PURPOSES = {
  /** 32 random bytes in base64, as Consul's `encrypt` takes them. */
  gossipKey: 'gossip-key',
  certificateAuthorityKey: 'ca-key',
  managementToken: 'management-token',
  /** 32 random bytes in base64 that federation tokens of a primary are signed with. */
  federationKey: 'federation-key',
  /** Secret of the token that a secondary copies its primary's access rules with; kept with the secondary. */
  replicationToken: 'replication-token',
} as const;

/** Under which purpose the successor of a secret or certificate is kept until it is in force. */
export const nextPurpose = (purpose: string): string => `${purpose}/next`;

/** Secret id of a root token until Consul knows it. */
export const rootTokenPurpose = (accessorId: string): string => `root-token/${accessorId}`;

/** Secret id of the token of an access in an emergency, until it is proved worthless. */
export const breakGlassPurpose = (accessId: string): string => `break-glass/${accessId}`;

/** Input of `open-break-glass` and `close-break-glass`. */
export interface BreakGlassInput {
  accessId: string;
}

/** What the certificates of a cluster are for. */
export const CERTIFICATE_PURPOSES = {
  /** The authority that signs. */
  certificateAuthority: 'ca',
  /** Its successor: trusted already, does not sign yet. */
  nextAuthority: 'ca/next',
  /** Authorities that sign no more, and are trusted until no certificate of theirs is in use. */
  previousAuthority: 'ca/previous',
  /** The authority that signs, signed by the one before it: leads those to it who trust only that one. */
  crossSignedAuthority: 'ca/cross',
  /** The same of the successor. */
  nextCrossSignedAuthority: 'ca/next-cross',
} as const;

/** Authorities that the servers of a cluster and its clients trust: more than one only while one takes the other's place. */
export const TRUSTED_AUTHORITIES: readonly string[] = [
  CERTIFICATE_PURPOSES.certificateAuthority,
  CERTIFICATE_PURPOSES.nextAuthority,
  CERTIFICATE_PURPOSES.previousAuthority,
];

/** Input of `create-root-token`: the token whose secret waits under `rootTokenPurpose`. */
export interface CreateRootTokenInput {
  accessorId: string;
}

/** Input of `register-installation`: a managed application, or an installation that was asked for directly. */
export type RegisterInstallationInput =
  | { from: 'notification'; applicationId: string; eventType: 'PUT' | 'PATCH' }
  | { from: 'request'; installationId: string; owner: { tenantId: string; objectId: string } };

/**
 * Input of `remove-installation`: Azure said that a managed application is deleted. Asked for in the lane `Delete`, so that it
 * overtakes a registration that is under way.
 */
export interface RemoveInstallationInput {
  applicationId: string;
}

/** Input of the operations that work on one snapshot: take, delete, link, drill, preview a restore, clone. */
export interface SnapshotInput {
  snapshotId: string;
}

/** Input of `delete-cluster`. `finalSnapshotId` is drawn for the snapshot that is taken first; null for none. */
export interface DeleteClusterInput {
  finalSnapshotId: string | null;
  /** Whether VERIFIED snapshots stay until their retention ends. */
  keepSnapshots: boolean;
}

/** Input of `create-secondary`: the cluster whose datacenter it follows. */
export interface CreateSecondaryInput {
  primaryClusterId: string;
}

/** Input of `restore-cluster`. `safetySnapshotId` names the row of the snapshot that is taken first; null for none. */
export interface RestoreClusterInput {
  snapshotId: string;
  safetySnapshotId: string | null;
}

/** Input of `upgrade-cluster`: the versions to go through, the target last. */
export interface UpgradeClusterInput {
  hops: readonly string[];
  safetySnapshotId: string;
  automatic: boolean;
}

/** Input of `scale-cluster`: the number of servers that there shall be. */
export interface ScaleClusterInput {
  servers: 1 | 3 | 5;
}

/** Input of `resize-cluster`. */
export interface ResizeClusterInput {
  vmSize: string;
}

/** Input of `repair-cluster`: what was found, in one word each (see `FINDING_REASONS`), where, and in a sentence for the customer. */
export interface RepairClusterInput {
  findings: readonly { reason: string; about: string; message: string }[];
}

/** Input of the operations that care for one server. */
export interface ServerInput {
  vmId: string;
}

/** Input of `remove-peer`: where the peer was, an IPv4 address. */
export interface RemovePeerInput {
  address: string;
}

/** Input of `recover-quorum`: from the servers that are left, or from a snapshot. */
export type RecoverQuorumInput = { from: 'survivors' } | { from: 'snapshot'; snapshotId: string };

/** What the sending of usage holds alone: there is one Marketplace. */
export const USAGE_SUBJECT = 'usage';

/** What the comparison with the Marketplace's report holds alone: it waits for no sending, and none for it. */
export const USAGE_REPORT_SUBJECT = 'usage-report';
