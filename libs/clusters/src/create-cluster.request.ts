import { randomUUIDv7 } from 'node:crypto';
import {
  confirmSameRequest,
  nameOf,
  requireRole,
  type RepeatableRequest,
  type Requester,
  type StoredAnswer,
} from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Cluster, Database, Prisma } from '@managed-consul/database';
import { AppError, type ErrorDetail } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { clusterSubject, OPERATION_KINDS, type OperationKind } from './cluster-names';
import type { ClusterDraft, ClusterSpec } from './cluster-spec';
import { readCreateFacts, type CreateFacts } from './create-cluster.facts';
import { examineDraft, refusalOf, refusalOfRace } from './create-cluster.problems';
import { storeCluster } from './create-cluster.statement';

/** A wish for a cluster. */
export interface CreateClusterWish {
  requester: Requester;
  draft: ClusterDraft;
  /** What the schema found wrong with the request, to be told together with everything else. */
  shapeProblems?: readonly ErrorDetail[];
  repeatable?: RepeatableRequest | undefined;
  /** Makes the answer that is kept for a repetition; needed when `repeatable` is given. */
  answer?: (created: CreatedCluster) => StoredAnswer;
  /** The operation that makes the cluster, when it is more than a plain create. */
  work?: { kind: OperationKind; input: Prisma.JsonObject };
  /** The cluster whose datacenter it follows, when it is to be a secondary of a federation. */
  primaryClusterId?: string;
}

export interface CreatedCluster {
  cluster: Cluster;
  operation: Operation;
}

/** Either a new cluster, or the answer that the same request was given before. */
export type CreateClusterOutcome = { created: CreatedCluster; repeated?: never } | { created?: never; repeated: StoredAnswer };

async function readFacts(database: Pick<Database, 'pool'>, wish: CreateClusterWish): Promise<CreateFacts> {
  const { requester, draft, repeatable } = wish;
  const facts = await readCreateFacts(database, requester, draft, repeatable);
  // A request that names no installation at all is told so together with its other problems.
  if (draft.installationId !== undefined) {
    const role = facts.installationState === null ? undefined : facts.role;
    requireRole(role, 'Contributor', `installation ${draft.installationId}`);
  }
  return facts;
}

/**
 * Every problem that a create would meet, in one list; empty when it would be accepted. Stores nothing. Throws
 * ResourceNotFound and AuthorizationFailed as the create itself does.
 */
export async function findCreateProblems(database: Pick<Database, 'pool'>, wish: CreateClusterWish): Promise<ErrorDetail[]> {
  const facts = await readFacts(database, wish);
  return examineDraft(wish.draft, facts, wish.shapeProblems ?? []).problems;
}

/** The rows of a new cluster as they will be stored: nothing of them is left to the database, so that one statement is enough. */
function draw(wish: CreateClusterWish, installationId: string, spec: ClusterSpec, now: Date): CreatedCluster {
  const { plan, maintenanceWindow, blackoutDates, tags, ...desired } = spec;
  const cluster: Cluster = {
    id: randomUUIDv7(),
    installationId,
    provisioningState: 'Accepted',
    revision: 1,
    ...desired,
    maintenanceWindow: maintenanceWindow ? { ...maintenanceWindow } : null,
    tags,
    planId: plan,
    blackoutDates: [...blackoutDates],
    upgradeDeferredUntil: null,
    powerState: 'Running',
    usageClosed: false,
    observedAt: null,
    observedConsulVersion: null,
    identityResourceId: null,
    privateEndpointUrl: null,
    publicEndpointUrl: null,
    storageAccountName: null,
    conditions: [],
    failureCode: null,
    failureMessage: null,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
  };
  return { cluster, operation: drawOperation(wish, cluster, now) };
}

const drawOperation = ({ requester, work }: CreateClusterWish, cluster: Cluster, now: Date): Operation => ({
  id: randomUUIDv7(),
  kind: work?.kind ?? OPERATION_KINDS.createCluster,
  subject: clusterSubject(cluster.id),
  clusterId: cluster.id,
  installationId: cluster.installationId,
  lane: 'Change',
  state: 'Pending',
  input: work?.input ?? {},
  requestedBy: nameOf(requester),
  correlationId: requester.correlationId,
  currentStep: null,
  waitingFor: null,
  wakeAt: now,
  wakeNumber: 0,
  cancelRequestedAt: null,
  errorCode: null,
  errorMessage: null,
  errorStep: null,
  createdAt: now,
  startedAt: null,
  finishedAt: null,
  revision: 0,
});

/**
 * Records that a cluster is wanted: cluster, operation, audit row, event and the answer for repetitions, all or nothing. The
 * caller rings the bell. Throws InvalidRequest or a conflict with every problem, ResourceNotFound, AuthorizationFailed,
 * IdempotencyKeyReused.
 */
export async function requestCreateCluster(
  database: Pick<Database, 'pool'>,
  wish: CreateClusterWish,
  clock: Clock = systemClock,
): Promise<CreateClusterOutcome> {
  const facts = await readFacts(database, wish);
  const repeated = repeatedAnswer(facts.stored, wish.repeatable);
  if (repeated) return { repeated };
  const { spec, problems } = examineDraft(wish.draft, facts, wish.shapeProblems ?? []);
  const { installationId } = wish.draft;
  if (problems.length > 0 || installationId === undefined) throw refusalOf(problems);
  const created = draw(wish, installationId, spec as ClusterSpec, clock.now());
  return (await store(database, wish, created)) ? { created } : { repeated: await answerOfWinner(database, wish) };
}

function repeatedAnswer(
  stored: CreateFacts['stored'] | undefined,
  repeatable: RepeatableRequest | undefined,
): StoredAnswer | undefined {
  if (!stored || !repeatable) return undefined;
  confirmSameRequest(stored, repeatable);
  return { status: stored.status, body: stored.body };
}

/** Whether the rows were stored; not so when a request with the same key was faster. */
async function store(database: Pick<Database, 'pool'>, wish: CreateClusterWish, created: CreatedCluster): Promise<boolean> {
  try {
    const kept = wish.repeatable && wish.answer ? { ...wish.repeatable, answer: wish.answer(created) } : undefined;
    return await storeCluster(database, wish.requester, created, { kept, primaryClusterId: wish.primaryClusterId });
  } catch (error) {
    throw refusalOfRace(error) ?? error;
  }
}

/** The duplicate waited for the winner's commit, so the winner's answer is there now. */
async function answerOfWinner(database: Pick<Database, 'pool'>, wish: CreateClusterWish): Promise<StoredAnswer> {
  const facts = await readFacts(database, wish);
  const repeated = repeatedAnswer(facts.stored, wish.repeatable);
  if (repeated) return repeated;
  throw new AppError('ServiceUnavailable', 'A request with the same Idempotency-Key is being answered. Send it again.', {
    retryAfterSeconds: 1,
  });
}
