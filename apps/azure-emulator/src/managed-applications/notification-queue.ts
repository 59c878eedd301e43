import type { Logger } from '@managed-consul/observability';
import { hours, minutes, seconds } from '@managed-consul/config';
import type { JsonObject } from '../arm/json';
import { idKey } from '../arm/resource-id';
import type { OperationAccess } from '../arm/resource-provider';
import type { EmulatorClock } from '../clock/emulator-clock';
import type { Collection, Store } from '../store/store';

/** A notification that waits for delivery. */
interface QueuedNotification {
  readonly applicationId: string;
  readonly sequence: number;
  /** Queueing under the same mark again replaces what was not sent, so that a step may run twice. */
  readonly mark: string;
  readonly uri: string;
  readonly payload: JsonObject;
  readonly queuedAt: string;
  /** Sent only after this operation has ended, so that its receiver finds the state it is told of. */
  readonly afterOperation: string;
  readonly attempts: number;
  readonly nextAttemptAt: string;
}

/** What Azure does about a receiver that does not answer well (managed applications documentation, "Notification retries"). */
const GIVE_UP_AFTER = hours(10);
const FIRST_PAUSE = seconds(1);
const LONGEST_PAUSE = minutes(5);
const ANSWER_TIMEOUT = seconds(30);

/** The address that a notification goes to: `/resource` is inserted before the query. */
export function notificationAddress(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/resource`;
  return url.toString();
}

const pauseAfter = (attempts: number): number => Math.min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE);

/**
 * Delivers notifications: those of one application in their order, those of different ones independently. What is not
 * delivered outlives a restart. Unreachable receivers, 429 and answers from 500 on are tried again for ten hours of the
 * emulator's time; any other answer from 400 on is final.
 */
export class NotificationQueue {
  private readonly records: Collection<QueuedNotification>;
  private readonly deliveries = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    store: Store,
    private readonly clock: EmulatorClock,
    private readonly operations: OperationAccess,
    private readonly log: Logger,
  ) {
    this.records = store.collection('application-notifications');
  }

  /** Goes on with what an earlier process left. */
  start(): void {
    for (const { applicationId } of this.records.list()) this.deliver(applicationId);
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('the emulator is stopping'));
    await Promise.allSettled(this.deliveries.values());
  }

  /** Queues a notification; does nothing for an application without an endpoint. */
  add(applicationId: string, endpoint: string | undefined, mark: string, afterOperation: string, payload: JsonObject): void {
    if (endpoint === undefined) return;
    const waiting = this.waitingFor(applicationId);
    const before = waiting.find((queued) => queued.mark === mark);
    const now = this.clock.now().toISOString();
    this.save({
      applicationId,
      sequence: before?.sequence ?? this.nextSequence(waiting),
      mark,
      uri: notificationAddress(endpoint),
      payload,
      queuedAt: now,
      afterOperation,
      attempts: 0,
      nextAttemptAt: now,
    });
    this.deliver(applicationId);
  }

  private nextSequence(waiting: readonly QueuedNotification[]): number {
    const last = waiting.at(-1)?.sequence ?? 0;
    return Math.max(last + 1, this.clock.now().getTime());
  }

  private waitingFor(applicationId: string): readonly QueuedNotification[] {
    return this.records.list(`${idKey(applicationId)}/`);
  }

  private keyOf({ applicationId, sequence }: QueuedNotification): string {
    return `${idKey(applicationId)}/${String(sequence).padStart(16, '0')}`;
  }

  private save(notification: QueuedNotification): void {
    this.records.put(this.keyOf(notification), notification);
  }

  private deliver(applicationId: string): void {
    const key = idKey(applicationId);
    if (this.deliveries.has(key) || this.stopping.signal.aborted) return;
    const work = this.deliverAll(applicationId)
      .catch((error: unknown) => {
        if (!this.stopping.signal.aborted) this.log.error({ err: error, applicationId }, 'notifications could not be delivered');
      })
      .finally(() => {
        this.deliveries.delete(key);
        // One may have been queued after the last look.
        if (this.waitingFor(applicationId).length > 0) this.deliver(applicationId);
      });
    this.deliveries.set(key, work);
  }

  private async deliverAll(applicationId: string): Promise<void> {
    for (;;) {
      const [next] = this.waitingFor(applicationId);
      if (!next) return;
      await this.untilDue(next);
      // What was queued under the same mark in the meantime is what counts.
      const current = this.records.get(this.keyOf(next)) ?? next;
      const isFinal = await this.attempt(current);
      const expired = this.clock.now().getTime() - Date.parse(current.queuedAt) >= GIVE_UP_AFTER;
      if (isFinal || expired) {
        if (!isFinal) this.log.warn({ applicationId, attempts: current.attempts + 1 }, 'notification dropped after ten hours');
        this.records.delete(this.keyOf(current));
      } else {
        const attempts = current.attempts + 1;
        this.save({
          ...current,
          attempts,
          nextAttemptAt: new Date(this.clock.now().getTime() + pauseAfter(attempts)).toISOString(),
        });
      }
    }
  }

  private async untilDue({ afterOperation, nextAttemptAt }: QueuedNotification): Promise<void> {
    const { signal } = this.stopping;
    try {
      if (afterOperation !== '') await this.operations.waitFor(afterOperation, signal);
    } catch {
      // An operation that is no longer known has ended long ago.
      signal.throwIfAborted();
    }
    const pause = Date.parse(nextAttemptAt) - this.clock.now().getTime();
    if (pause > 0) await this.clock.sleep(pause, signal);
  }

  /** Whether there is nothing more to do for this notification: it was taken, or refused for good. */
  private async attempt({ uri, payload, applicationId }: QueuedNotification): Promise<boolean> {
    try {
      const answer = await fetch(uri, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(payload),
        redirect: 'manual',
        signal: AbortSignal.any([this.stopping.signal, AbortSignal.timeout(ANSWER_TIMEOUT)]),
      });
      await answer.body?.cancel();
      if (answer.status >= 500 || answer.status === 429) return false;
      if (answer.status >= 400) this.log.warn({ applicationId, status: answer.status }, 'notification refused by its receiver');
      return true;
    } catch {
      this.stopping.signal.throwIfAborted();
      return false;
    }
  }
}
