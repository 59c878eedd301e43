import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { currentTraceparent } from '@managed-consul/tracing';
import { OPERATION_COLUMNS, type Operation } from './operation';
import { newOperationId } from './operation-id';
import type { OperationLane } from './operation-states';

/** What somebody asks for. `kind` names a workflow; `subject` is what the operation holds alone, e.g. `cluster/<id>`. */
export interface OperationRequest {
  readonly kind: string;
  readonly subject: string;
  readonly clusterId?: string;
  readonly installationId?: string;
  readonly lane: OperationLane;
  /** Plain JSON, no secrets: it is stored as it is and shown to operators. */
  readonly input: unknown;
  readonly requestedBy: string;
  readonly correlationId?: string;
}

/**
 * One statement, so that a request costs one round trip. A change is refused while a delete of the subject is unfinished;
 * a delete marks the unfinished change for cancel. ON CONFLICT rather than an error: an error would end the caller's
 * transaction before the operation in the way could be read.
 */
const REQUEST = `
  WITH created AS (
    INSERT INTO operations (id, kind, subject, cluster_id, installation_id, lane, input, requested_by, correlation_id, created_at, wake_at, traceparent)
    SELECT $1::uuid, $2, $3, $4::uuid, $5::uuid, $6::"OperationLane", $7::jsonb, $8, $9, $10::timestamptz, $10::timestamptz, $11
    WHERE $6 = 'Delete' OR NOT EXISTS (
      SELECT FROM operations WHERE subject = $3 AND lane = 'Delete' AND state IN ('Pending', 'Running'))
    ON CONFLICT (subject, lane) WHERE state IN ('Pending', 'Running') DO NOTHING
    RETURNING ${OPERATION_COLUMNS}
  ), overtaken AS (
    UPDATE operations
    SET cancel_requested_at = coalesce(cancel_requested_at, $10::timestamptz), wake_at = $10::timestamptz,
        wake_number = wake_number + 1, revision = revision + 1
    WHERE $6 = 'Delete' AND subject = $3 AND lane = 'Change' AND state IN ('Pending', 'Running') AND EXISTS (SELECT FROM created)
    RETURNING id
  )
  SELECT created.*, (SELECT count(pg_notify('operation_changed', overtaken.id::text)) FROM overtaken) AS overtaken FROM created`;

const IN_THE_WAY = `SELECT ${OPERATION_COLUMNS} FROM operations WHERE subject = $1 AND state IN ('Pending', 'Running')
  ORDER BY lane = $2::"OperationLane" DESC LIMIT 1`;

/**
 * Records that an operation is wanted, in the caller's transaction; ring the bell for it after the commit. Touch the
 * cluster's row before calling this, never after: the runner locks in that order too. Throws AppError
 * `OperationInProgress`, which leaves the transaction usable, if an unfinished operation is in the way.
 */
export async function requestOperation(
  tx: Transaction,
  request: OperationRequest,
  clock: Clock = systemClock,
): Promise<Operation> {
  const { kind, subject, clusterId = null, installationId = null, lane, input, requestedBy, correlationId = null } = request;
  const now = clock.now();
  const values = [
    newOperationId(now),
    kind,
    subject,
    clusterId,
    installationId,
    lane,
    JSON.stringify(input),
    requestedBy,
    correlationId,
    now,
    currentTraceparent() ?? null,
  ];
  const created = await tx.$queryRawUnsafe<(Operation & { overtaken: bigint })[]>(REQUEST, ...values);
  if (created[0]) {
    const { overtaken: _overtaken, ...operation } = created[0];
    return operation;
  }
  const [blocker] = await tx.$queryRawUnsafe<Operation[]>(IN_THE_WAY, subject, lane);
  throw operationInProgress(request, blocker);
}

function operationInProgress(request: OperationRequest, blocker: Operation | undefined): AppError {
  if (!blocker) {
    return new AppError(
      'OperationInProgress',
      `Another operation on ${request.subject} ended just now. Send the request again.`,
      {
        retryAfterSeconds: 1,
      },
    );
  }
  const since = blocker.createdAt.toISOString();
  const message = `Operation ${blocker.id} (${blocker.kind}), requested at ${since}, is not finished. Wait for it, then try again.`;
  return new AppError('OperationInProgress', message, { target: blocker.id, retryAfterSeconds: 10 });
}
