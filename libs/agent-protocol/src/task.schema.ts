import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
const token = z.string().min(1).max(1024);
const httpsUrl = z.url({ protocol: /^https$/ }).max(4096);
/** 32 random bytes: the content key of one snapshot. */
const contentKey = z.base64().length(44);
const snapshotId = z.string().min(1).max(128);
const bytes = z.number().int().nonnegative();

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

/** Every kind of task, as `PUT /v1/tasks/<taskId>` takes it. Bodies hold secrets: they are neither logged nor written to disk. */
export const agentTaskSchema = z.discriminatedUnion('kind', [takeSnapshotTaskSchema, moveLeadershipTaskSchema]);
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

/**
 * Why a task failed. Codes are stable: `SnapshotDamaged` (not what Consul writes, or not what was stored), `SnapshotUnreadable`
 * (could not be fetched whole), `ConsulRefused`, `ConsulNotReachable`, `StorageRefused`, `StorageNotReachable`,
 * `TaskAborted` (the agent was stopped), `Unexpected`.
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
  describe('move-leadership', moveLeadershipResultSchema),
]);
export type AgentTaskStatus = z.infer<typeof agentTaskStatusSchema>;
export type AgentTaskStatusOf<Kind extends AgentTaskKind> = Extract<AgentTaskStatus, { kind: Kind }>;
export type AgentTaskResultOf<Kind extends AgentTaskKind> = NonNullable<AgentTaskStatusOf<Kind>['result']>;

/** Path of a task on the agent. The worker chooses the id, so that asking twice starts one task. */
export const TASK_PATH = /^\/v1\/tasks\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;
