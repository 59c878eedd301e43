import { createHash } from 'node:crypto';
import { hours, type Milliseconds } from '@managed-consul/config';
import { Prisma, type Database, type Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Caller } from './caller';

/** How long an answer is kept for repetitions of its request; the same key is a new request after that. */
const KEPT_FOR: Milliseconds = hours(7 * 24);
/** Few enough that no request waits for the removal. */
const AT_ONCE = 1000;

/** A write that its caller may repeat: the key it chose, and the hash of what it sent. */
export interface RepeatableRequest {
  key: string;
  requestHash: string;
}

/** The answer that is kept, and given again to a repetition. */
export interface StoredAnswer {
  status: number;
  body: Prisma.JsonObject;
}

/** Hash of everything that makes two requests the same: method, address and body as sent. */
export function hashRequest(method: string, path: string, body: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([method, path, body ?? null]))
    .digest('hex');
}

/** Checks that a repetition is one. Throws IdempotencyKeyReused when the key was used for something else. */
export function confirmSameRequest(stored: { requestHash: string }, request: RepeatableRequest): void {
  if (stored.requestHash === request.requestHash) return;
  throw new AppError(
    'IdempotencyKeyReused',
    'This Idempotency-Key was used for another request. Choose a new key for a new request.',
    {
      target: 'Idempotency-Key',
    },
  );
}

const identityOf = (caller: Caller, request: RepeatableRequest) => ({
  tenantId: caller.tenantId,
  principalId: caller.objectId,
  key: request.key,
});

/** The stored answer of an earlier request with the same key. Throws IdempotencyKeyReused when its body was another. */
export async function findStoredAnswer(
  database: Database,
  caller: Caller,
  request: RepeatableRequest,
): Promise<StoredAnswer | undefined> {
  const row = await database.prisma.idempotencyKey.findUnique({
    where: { tenantId_principalId_key: identityOf(caller, request) },
  });
  if (!row) return undefined;
  confirmSameRequest(row, request);
  return { status: row.responseStatus, body: row.responseBody as Prisma.JsonObject };
}

const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';

async function claimAndWork(
  tx: Transaction,
  caller: Caller,
  request: RepeatableRequest,
  work: (tx: Transaction) => Promise<StoredAnswer>,
): Promise<StoredAnswer> {
  const identity = identityOf(caller, request);
  await tx.idempotencyKey.create({
    data: { ...identity, requestHash: request.requestHash, responseStatus: 0, responseBody: {} },
  });
  const answer = await work(tx);
  await tx.idempotencyKey.update({
    where: { tenantId_principalId_key: identity },
    data: { responseStatus: answer.status, responseBody: answer.body },
  });
  return answer;
}

/**
 * Runs `work` in a transaction, once for each key: the key's row is written first, so a duplicate that comes at the same time
 * waits for the first to commit and then gets its answer. A refused request stores nothing and may be sent again.
 */
export async function answerOnce(
  database: Database,
  caller: Caller,
  request: RepeatableRequest | undefined,
  work: (tx: Transaction) => Promise<StoredAnswer>,
): Promise<StoredAnswer> {
  if (!request) return database.prisma.$transaction(work);
  const stored = await findStoredAnswer(database, caller, request);
  if (stored) return stored;
  try {
    return await database.prisma.$transaction((tx) => claimAndWork(tx, caller, request, work));
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const winner = await findStoredAnswer(database, caller, request);
    if (winner) return winner;
    throw error;
  }
}

const FORGET = `DELETE FROM idempotency_keys WHERE ctid IN (
    SELECT ctid FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`;

/**
 * Removes a part of the answers that were kept for seven days; gives whether more may be left. Any number may do so side by side.
 */
export async function forgetOldAnswers({ pool }: Database, now: Date): Promise<boolean> {
  const { rowCount } = await pool.query(FORGET, [new Date(now.getTime() - KEPT_FOR), AT_ONCE]);
  return rowCount === AT_ONCE;
}
