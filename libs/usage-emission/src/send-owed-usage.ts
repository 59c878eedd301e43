import { minutes, seconds, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { BATCH_SIZE, inMillionths, type EventOutcome, type MeteringService } from './metering-service';
import { earliestHour } from './time-limit';

/** How long a process that sends has an event for itself: longer than any call takes. */
const HELD_FOR: Milliseconds = minutes(2);
/** Between tries, when Azure does not say. */
const TRY_AGAIN: Milliseconds = seconds(30);

export interface SendingParts {
  readonly database: Database;
  readonly metering: MeteringService;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** What became of one batch. */
export interface Sent {
  readonly events: number;
  /** When Azure asked to be left alone, or could not be reached: how long. */
  readonly waitFor: Milliseconds | undefined;
}

interface Claimed {
  id: string;
  resource_id: string;
  dimension: string;
  hour: Date;
  plan_id: string;
  quantity: string;
  was_unsure: boolean;
}

/** Written before the call: whatever becomes of this process, the next one knows that the event may have been taken. */
const CLAIM = `
UPDATE usage_emissions e SET attempts = e.attempts + 1, may_be_taken = true, next_try_at = $2
FROM (
  SELECT id, may_be_taken FROM usage_emissions WHERE state = 'Pending' AND next_try_at <= $1 AND hour >= $3
    AND ($4::uuid IS NULL OR installation_id = $4)
  ORDER BY next_try_at LIMIT ${BATCH_SIZE} FOR UPDATE SKIP LOCKED
) c
WHERE e.id = c.id
RETURNING e.id, e.resource_id, e.dimension, e.hour, e.plan_id, e.quantity::text, c.may_be_taken AS was_unsure`;

const SETTLE = `
UPDATE usage_emissions e SET state = n.state::"UsageEmissionState", may_be_taken = n.may_be_taken, next_try_at = $2,
  usage_event_id = coalesce(n.usage_event_id, e.usage_event_id), accepted_quantity = n.accepted_quantity, problem = n.problem,
  settled_at = CASE WHEN n.state IN ('Accepted', 'Mismatched') THEN $3::timestamptz END
FROM jsonb_to_recordset($1::jsonb) AS n(id uuid, state text, may_be_taken boolean, usage_event_id text, accepted_quantity numeric, problem text)
WHERE e.id = n.id AND e.state = 'Pending'`;

interface Settlement {
  readonly id: string;
  readonly state: 'Pending' | 'Accepted' | 'Mismatched' | 'Parked' | 'Unresolved';
  readonly may_be_taken: boolean;
  readonly usage_event_id: string | undefined;
  readonly accepted_quantity: string | undefined;
  readonly problem: string | undefined;
}

/** Sends the next batch of planned events and writes down what became of each; `installationId` narrows it to one. */
export async function sendBatch(parts: SendingParts, installationId?: string): Promise<Sent> {
  const { database, metering, clock, signal } = parts;
  const now = clock.now();
  const heldUntil = new Date(now.getTime() + HELD_FOR);
  const { rows: claimed } = await database.pool.query<Claimed>(CLAIM, [
    now,
    heldUntil,
    earliestHour(now),
    installationId ?? null,
  ]);
  if (claimed.length === 0) return { events: 0, waitFor: undefined };
  const events = claimed.map(({ resource_id, dimension, hour, plan_id, quantity }) => ({
    resourceId: resource_id,
    dimension,
    hour,
    planId: plan_id,
    quantity,
  }));
  try {
    const outcomes = await metering.send(events, signal);
    const settled = claimed.map((event, index) => settle(event, outcomes[index] ?? NO_OUTCOME));
    await record(parts, settled, TRY_AGAIN);
    return { events: claimed.length, waitFor: undefined };
  } catch (error) {
    if (error instanceof TerminalError) {
      await record(
        parts,
        claimed.map((event) => parked(event, error.publicMessage)),
        TRY_AGAIN,
      );
      return { events: claimed.length, waitFor: undefined };
    }
    if (!(error instanceof TransientError)) throw error;
    const waitFor = error.retryAfterSeconds === undefined ? TRY_AGAIN : seconds(error.retryAfterSeconds);
    await record(
      parts,
      claimed.map((event) => unanswered(event, error.message)),
      waitFor,
    );
    return { events: 0, waitFor };
  }
}

async function record({ database, clock }: SendingParts, settled: readonly Settlement[], again: Milliseconds): Promise<void> {
  const now = clock.now();
  await database.pool.query(SETTLE, [JSON.stringify(settled), new Date(now.getTime() + again), now]);
}

const NO_OUTCOME: EventOutcome = { status: 'Error', usageEventId: undefined, acceptedQuantity: undefined, message: undefined };

const nothing = { usage_event_id: undefined, accepted_quantity: undefined };

const parked = ({ id, was_unsure }: Claimed, problem: string): Settlement => ({
  ...nothing,
  id,
  state: 'Parked',
  may_be_taken: was_unsure,
  problem,
});

const unanswered = ({ id }: Claimed, problem: string): Settlement => ({
  ...nothing,
  id,
  state: 'Pending',
  may_be_taken: true,
  problem,
});

/** What an outcome means. An answer tells of its own try only: one before it, which had none, stays unsure. */
function settle(event: Claimed, { status, usageEventId, acceptedQuantity, message }: EventOutcome): Settlement {
  const { id, quantity, was_unsure } = event;
  const problem = `${status}: ${message ?? 'no reason was given'}`;
  switch (status) {
    case 'Accepted':
      return {
        id,
        state: 'Accepted',
        may_be_taken: true,
        usage_event_id: usageEventId,
        accepted_quantity: quantity,
        problem: undefined,
      };
    case 'Duplicate': {
      // Without the amount nobody can say whether it is the same: a person has to look.
      if (acceptedQuantity === undefined) return { ...parked(event, problem), may_be_taken: true };
      const isSame = inMillionths(acceptedQuantity) === inMillionths(quantity);
      const state = isSame ? 'Accepted' : 'Mismatched';
      const difference = isSame ? undefined : `Azure had taken ${acceptedQuantity} before.`;
      return {
        id,
        state,
        may_be_taken: true,
        usage_event_id: usageEventId,
        accepted_quantity: acceptedQuantity,
        problem: difference,
      };
    }
    case 'Error':
    case 'Expired':
      // What is too old is sorted out with everything that has become so.
      return { ...nothing, id, state: 'Pending', may_be_taken: was_unsure, problem };
    default:
      return parked(event, problem);
  }
}
