import { z } from 'zod';
import { consulProgramSchema } from './messages.schema';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
const token = z.string().min(1).max(1024);
const httpsUrl = z.url({ protocol: /^https$/ }).max(4096);
/** 32 random bytes: the content key of one snapshot. */
const contentKey = z.base64().length(44);
const snapshotId = z.string().min(1).max(128);
const bytes = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

/** Takes a snapshot of the cluster, verifies it and stores it encrypted, all while it streams. */
export const takeSnapshotTaskSchema = z.strictObject({
  kind: z.literal('take-snapshot'),
  snapshotId,
  /** A management token of the cluster. */
  consulToken: token,
  contentKey,
  /** Address of the blob, without a signature: the machine's identity may write it. */
  blobUrl: httpsUrl,
});

/**
 * Makes one of these servers the leader, the first that can win. For Consul below 1.15, whose API has no call for it; any
 * server of the cluster can do this task.
 */
export const moveLeadershipTaskSchema = z.strictObject({
  kind: z.literal('move-leadership'),
  /** Best first: the ones that have applied most of the log. */
  to: z
    .array(z.strictObject({ address: z.ipv4() }))
    .min(1)
    .max(9),
});

/** A stored snapshot and how it is opened. */
const storedSnapshot = {
  /** A signed address from which the encrypted bytes are read. */
  source: z.strictObject({ url: httpsUrl }),
  contentKey,
  snapshotId,
  /** Of the archive as Consul gave it. */
  expectedSha256: sha256,
};

/**
 * Restores a stored snapshot into a server that exists only for that, on this machine and seen by nobody, and reads it. The
 * server needs memory for the whole state a second time.
 */
export const drillSnapshotTaskSchema = z.strictObject({
  kind: z.literal('drill-snapshot'),
  ...storedSnapshot,
  /** The Consul program to restore with. */
  consul: consulProgramSchema,
});

/** Puts a stored snapshot in the place of the cluster's state; nothing is touched before it is here whole and verified. */
export const restoreSnapshotTaskSchema = z.strictObject({
  kind: z.literal('restore-snapshot'),
  ...storedSnapshot,
  /** A management token of the cluster as it is now. */
  consulToken: token,
});

/**
 * Gives this server a new list of the cluster's servers, for a cluster that has lost its quorum for good: stops Consul,
 * writes `peers.json`, starts it. To be done on every server that is left. Not to be repeated once others have joined: they
 * would be forgotten.
 */
export const recoverPeersTaskSchema = z.strictObject({
  kind: z.literal('recover-peers'),
  /** The servers that are left, this one among them; `id` is Consul's node id. */
  peers: z
    .array(z.strictObject({ id: z.guid(), address: z.ipv4() }))
    .min(1)
    .max(9),
});

/** Every kind of task, as `PUT /v1/tasks/<taskId>` takes it. Bodies hold secrets: they are neither logged nor written to disk. */
export const agentTaskSchema = z.discriminatedUnion('kind', [
  takeSnapshotTaskSchema,
  drillSnapshotTaskSchema,
  restoreSnapshotTaskSchema,
  moveLeadershipTaskSchema,
  recoverPeersTaskSchema,
]);
export type AgentTask = z.infer<typeof agentTaskSchema>;
export type AgentTaskKind = AgentTask['kind'];
export type AgentTaskOf<Kind extends AgentTaskKind> = Extract<AgentTask, { kind: Kind }>;

/** What became of a snapshot: sizes and hashes as Consul gave it, and as it is stored. */
export const takeSnapshotResultSchema = z.object({
  sizeBytes: bytes,
  storedBytes: bytes,
  sha256,
  storedSha256: sha256,
  raftIndex: z.number().int().positive(),
  raftTerm: z.number().int().positive(),
});
export type TakeSnapshotResult = z.infer<typeof takeSnapshotResultSchema>;

export const moveLeadershipResultSchema = z.object({
  /** Whether the leader is now one of those that were named. False is no failure: none of them could win. */
  moved: z.boolean(),
  /** Null when there is no leader at all. */
  leaderAddress: z.string().nullable(),
});
export type MoveLeadershipResult = z.infer<typeof moveLeadershipResultSchema>;

/** What is in a snapshot, as a server reads it. */
export const drillSnapshotResultSchema = z.object({
  raftIndex: z.number().int().positive(),
  keys: count,
  services: z.array(z.object({ name: z.string(), instances: count })),
  intentions: count,
  /** Never with their secrets. */
  aclTokens: z.array(
    z.object({ accessorId: z.string(), description: z.string(), policies: z.array(z.string()), isManagement: z.boolean() }),
  ),
  /** Whether it holds a token with all rights. */
  aclBootstrapped: z.boolean(),
  /** Consul's own words: `GET /v1/operator/autopilot/configuration`. */
  autopilot: z.record(z.string(), z.json()),
  tookMilliseconds: z.number().nonnegative(),
});
export type DrillSnapshotResult = z.infer<typeof drillSnapshotResultSchema>;

export const restoreSnapshotResultSchema = z.object({
  raftIndex: z.number().int().positive(),
  raftTerm: z.number().int().positive(),
  sizeBytes: bytes,
});
export type RestoreSnapshotResult = z.infer<typeof restoreSnapshotResultSchema>;

export const recoverPeersResultSchema = z.object({ peers: count });
export type RecoverPeersResult = z.infer<typeof recoverPeersResultSchema>;

/**
 * Why a task failed. Codes are stable: `SnapshotDamaged` (not what Consul writes, or not what was stored), `SnapshotUnreadable`
 * (could not be fetched whole), `SnapshotMissing` (is not where it was stored), `ConsulRefused` (Consul did not do what was asked),
 * `ConsulNotReady` (it could do nothing at all for the moment), `ConsulNotReachable`, `StorageRefused`, `StorageNotReachable`,
 * `ConsulDidNotStart`, `ConsulStopped`, `ApplyInProgress`, `ArtifactMismatch`, `DownloadFailed`, `PlatformUnsupported`,
 * `TaskAborted` (the agent was stopped), `TaskTimedOut`, `Unexpected`.
 */
export const taskErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  /** Whether the same task may succeed later. */
  mayPass: z.boolean(),
});
export type TaskError = z.infer<typeof taskErrorSchema>;

const describe = <Kind extends AgentTaskKind, Result extends z.ZodType>(kind: Kind, result: Result) =>
  z.object({
    id: z.string(),
    kind: z.literal(kind),
    state: z.enum(['running', 'succeeded', 'failed']),
    startedAt: z.iso.datetime(),
    /** What has gone through so far, for tasks that move much. */
    progress: z.object({ bytes }).optional(),
    /** There when the task has succeeded. */
    result: result.optional(),
    /** There when it has failed. */
    error: taskErrorSchema.optional(),
  });

/** `PUT` and `GET /v1/tasks/<taskId>` */
export const agentTaskStatusSchema = z.discriminatedUnion('kind', [
  describe('take-snapshot', takeSnapshotResultSchema),
  describe('drill-snapshot', drillSnapshotResultSchema),
  describe('restore-snapshot', restoreSnapshotResultSchema),
  describe('move-leadership', moveLeadershipResultSchema),
  describe('recover-peers', recoverPeersResultSchema),
]);
export type AgentTaskStatus = z.infer<typeof agentTaskStatusSchema>;
export type AgentTaskStatusOf<Kind extends AgentTaskKind> = Extract<AgentTaskStatus, { kind: Kind }>;
export type AgentTaskResultOf<Kind extends AgentTaskKind> = NonNullable<AgentTaskStatusOf<Kind>['result']>;

/** Path of a task on the agent. The worker chooses the id, so that asking twice starts one task. */
export const TASK_PATH = /^\/v1\/tasks\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;
