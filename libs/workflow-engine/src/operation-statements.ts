/**
 * The engine's SQL. Every statement that writes an operation checks the lease itself, so it is safe at any time; `$1` is
 * the operation, `$2` the lease's owner, `$3` now. Only running operations have an owner. Where a row is found by its id the
 * state is compared as text, so that no plan can walk one of the partial indexes on the state instead.
 */

const RECORD = `id::text, kind, subject, cluster_id::text AS "clusterId", installation_id::text AS "installationId", lane::text,
  state::text, input, requested_by AS "requestedBy", correlation_id AS "correlationId", current_step AS "currentStep",
  waiting_for AS "waitingFor", wake_at AS "wakeAt", wake_number AS "wakeNumber", cancel_requested_at AS "cancelRequestedAt",
  page_at AS "pageAt", error_code AS "errorCode", error_message AS "errorMessage", error_step AS "errorStep",
  created_at AS "createdAt", started_at AS "startedAt", traceparent, revision`;

/** Other operations of the subject that are not finished, in the lane named after it. */
const unfinishedOthers = (lane: string) =>
  `SELECT FROM operations other WHERE other.subject = operations.subject AND other.lane = '${lane}'
     AND other.state IN ('Pending', 'Running') AND other.id <> operations.id`;

/**
 * `$4` due, `$5` lease end. A delete starts only when no change is left; a change that meets a delete before it has
 * started is canceled.
 */
export const ACQUIRE = `
  UPDATE operations
  SET lease_owner = $2, lease_until = $5, state = 'Running', started_at = coalesce(started_at, $3), revision = revision + 1,
      cancel_requested_at = CASE
        WHEN cancel_requested_at IS NULL AND state = 'Pending' AND lane = 'Change' AND EXISTS (${unfinishedOthers('Delete')}) THEN $3
        ELSE cancel_requested_at END
  WHERE id = $1 AND state::text IN ('Pending', 'Running') AND wake_at <= $4 AND (lease_owner IS NULL OR lease_until <= $3)
    AND (lane = 'Change' OR NOT EXISTS (${unfinishedOthers('Change')}))
    AND operation_paused_until(operations, $3) IS NULL
  RETURNING ${RECORD}`;

/**
 * `$2` now, `$3` due, `$4` the latest moment of the next look: an operation that is paused looks again then, or when the pause
 * ends. The time until then counts for no limit of its step. */
export const DEFER_PAUSED = `
  WITH own AS (
    UPDATE operations SET wake_at = least(operation_paused_until(operations, $2), $4), wake_number = wake_number + 1
    WHERE id = $1 AND state::text IN ('Pending', 'Running') AND wake_at <= $3 AND (lease_owner IS NULL OR lease_until <= $2)
      AND operation_paused_until(operations, $2) IS NOT NULL
    RETURNING id, wake_number, wake_at
  ), stood AS (
    UPDATE operation_steps step SET started_at = step.started_at + (own.wake_at - $2::timestamptz) FROM own
    WHERE step.operation_id = own.id AND step.state::text IN ('Waiting', 'Running')
  )
  SELECT id::text, wake_number AS "wakeNumber", wake_at AS at FROM own`;

/** `$2` now, `$3` due. */
export const LOOK = `
  SELECT kind, created_at AS "createdAt" FROM operations
  WHERE id = $1 AND state::text = 'Pending' AND wake_at <= $3 AND (lease_owner IS NULL OR lease_until <= $2)`;

/** `$2` now, `$3` wake, `$4` page. */
export const DEFER = `
  WITH own AS (
    UPDATE operations
    SET wake_at = $3, wake_number = wake_number + 1, page_at = coalesce(page_at, $4),
        cancel_requested_at = CASE
          WHEN cancel_requested_at IS NULL AND lane = 'Change' AND EXISTS (${unfinishedOthers('Delete')}) THEN $2::timestamptz
          ELSE cancel_requested_at END
    WHERE id = $1 AND state::text = 'Pending' RETURNING id::text, wake_number AS "wakeNumber", subject
  ), way AS (
    SELECT other.id::text, other.wake_number AS "wakeNumber" FROM operations other JOIN own ON other.subject = own.subject
    WHERE other.state IN ('Pending', 'Running') AND other.cancel_requested_at IS NOT NULL AND other.id::text <> own.id
  )
  SELECT (SELECT json_build_object('id', id, 'wakeNumber', "wakeNumber") FROM own) AS own,
         coalesce((SELECT json_agg(way) FROM way), '[]') AS "inTheWay"`;

export const STEPS = `
  SELECT name, item, position, state::text, attempts, failures, waiting_for AS "waitingFor", output, error_code AS "errorCode",
         error_message AS "errorMessage", last_problem AS "lastProblem", started_at AS "startedAt", finished_at AS "finishedAt",
         skippable
  FROM operation_steps WHERE operation_id = $1`;

/** `$3` lease end. */
export const RENEW = `UPDATE operations SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 RETURNING id`;

/** `$3` wake. */
export const RELEASE = `
  UPDATE operations SET lease_owner = NULL, lease_until = NULL, wake_at = $3, wake_number = wake_number + 1
  WHERE id = $1 AND lease_owner = $2 RETURNING id::text, wake_number AS "wakeNumber"`;

const TELL = `INSERT INTO cluster_events (cluster_id, operation_id, type, message, at)`;

/**
 * `$1` the changes of any number of operations, one an operation, as JSON. Each is written only if its own lease is held. A
 * wake that came while the step ran (the number has moved on) keeps the lease: the step looks again at once.
 */
export const WRITE = `
  WITH changes AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS c(id uuid, owner text, now timestamptz, "currentStep" text, "waitingFor" text,
      "errorCode" text, "errorMessage" text, "errorStep" text, "wakeAt" timestamptz, "wakeNumber" int, "pageAt" timestamptz,
      steps jsonb, "eventType" text, "eventMessage" text)
  ), owned AS (
    UPDATE operations
    SET current_step = c."currentStep", waiting_for = c."waitingFor", error_code = coalesce(error_code, c."errorCode"),
        error_message = coalesce(error_message, c."errorMessage"), error_step = coalesce(error_step, c."errorStep"),
        page_at = coalesce(page_at, c."pageAt"), revision = revision + 1,
        wake_at = CASE WHEN c."wakeAt" IS NULL THEN wake_at WHEN wake_number = c."wakeNumber" THEN c."wakeAt" ELSE c.now END,
        wake_number = wake_number + CASE WHEN c."wakeAt" IS NOT NULL AND wake_number = c."wakeNumber" THEN 1 ELSE 0 END,
        lease_owner = CASE WHEN c."wakeAt" IS NULL OR wake_number <> c."wakeNumber" THEN lease_owner END,
        lease_until = CASE WHEN c."wakeAt" IS NULL OR wake_number <> c."wakeNumber" THEN lease_until END
    FROM changes c
    WHERE operations.id = c.id AND lease_owner = c.owner
    RETURNING operations.id, cluster_id, wake_number, revision, cancel_requested_at, lease_owner, c.now, c.steps, c."eventType",
              c."eventMessage"
  ), saved AS (
    INSERT INTO operation_steps (operation_id, name, item, position, state, attempts, failures, waiting_for, output, error_code,
                                 error_message, last_problem, started_at, finished_at, skippable)
    SELECT owned.id, s.name, s.item, s.position, s.state::"OperationStepState", s.attempts, s.failures, s."waitingFor", s.output,
           s."errorCode", s."errorMessage", s."lastProblem", s."startedAt", s."finishedAt", s.skippable
    FROM owned, jsonb_to_recordset(owned.steps) AS s(name text, item text, position int, state text, attempts int, failures int,
      "waitingFor" text, output jsonb, "errorCode" text, "errorMessage" text, "lastProblem" text, "startedAt" timestamptz,
      "finishedAt" timestamptz, skippable text)
    ON CONFLICT (operation_id, name, item) DO UPDATE
    SET state = excluded.state, attempts = excluded.attempts, failures = excluded.failures, waiting_for = excluded.waiting_for,
        output = excluded.output, error_code = excluded.error_code, error_message = excluded.error_message,
        last_problem = excluded.last_problem, finished_at = excluded.finished_at, skippable = excluded.skippable
  ), told AS (
    ${TELL} SELECT cluster_id, id, "eventType", "eventMessage", now FROM owned
    WHERE cluster_id IS NOT NULL AND "eventType" IS NOT NULL
  )
  SELECT id::text, wake_number AS "wakeNumber", revision, cancel_requested_at AS "cancelRequestedAt",
         lease_owner IS NOT NULL AS kept
  FROM owned`;

/** `$4` state, `$5`-`$6` event. */
export const END = `
  WITH ended AS (
    UPDATE operations
    SET state = $4::"OperationState", finished_at = $3::timestamptz, wake_at = NULL, waiting_for = NULL, lease_owner = NULL,
        lease_until = NULL, revision = revision + 1
    WHERE id = $1::uuid AND lease_owner = $2 RETURNING id, subject, cluster_id
  ), told AS (
    ${TELL} SELECT cluster_id, id, $5, $6, $3::timestamptz FROM ended WHERE cluster_id IS NOT NULL AND $5::text IS NOT NULL
  ), woken AS (
    UPDATE operations SET wake_at = $3::timestamptz, wake_number = operations.wake_number + 1 FROM ended
    WHERE operations.subject = ended.subject AND operations.state = 'Pending' AND operations.id <> ended.id
    RETURNING operations.id::text, operations.wake_number AS "wakeNumber"
  )
  SELECT coalesce((SELECT json_agg(woken) FROM woken), '[]') AS woken FROM ended`;

/** `$1` now. */
export const RECLAIM = `
  UPDATE operations SET lease_owner = NULL, lease_until = NULL, wake_number = wake_number + 1
  WHERE wake_at <= $1 AND lease_owner IS NOT NULL AND lease_until <= $1`;

/** `$1` now, `$2` page size, `$3`-`$4` last of the page before. */
export const DUE = `
  SELECT id::text, wake_number AS "wakeNumber", wake_at AS "wakeAt" FROM operations
  WHERE wake_at <= $1 AND lease_owner IS NULL AND ($3::timestamptz IS NULL OR (wake_at, id) > ($3, $4::uuid))
  ORDER BY wake_at, id LIMIT $2`;

/** `$1` now. */
export const MARK_OVERDUE = `
  UPDATE operations SET paged_at = $1
  WHERE page_at <= $1 AND paged_at IS NULL AND state IN ('Pending', 'Running') RETURNING ${RECORD}`;
