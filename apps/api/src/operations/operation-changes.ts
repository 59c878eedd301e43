import pg from 'pg';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';

type Waiter = () => void;

const RECONNECT_PAUSE: Milliseconds = seconds(1);
const CONNECT_TIMEOUT: Milliseconds = seconds(5);

/**
 * Hears from PostgreSQL when an operation has changed, over one connection for all who wait. A lost connection is opened
 * again, and everybody who waits then looks once, because a change may have been missed meanwhile.
 */
export class OperationChanges {
  readonly #databaseUrl: string;
  readonly #log: Logger;
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #stopping = new AbortController();
  #client: pg.Client | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #listening: Promise<void> | undefined;

  constructor(databaseUrl: string, log: Logger) {
    this.#databaseUrl = databaseUrl;
    this.#log = log;
  }

  /** Aborts when the process stops: whoever waits answers with what there is. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Waits until the operation may have changed, `timeout` has passed, or `signal` aborts. Begin to wait before reading, and
   * read again after it: `look` is called once listening has begun, and no change after that is missed.
   */
  async waitForChange(
    operationId: string,
    timeout: Milliseconds,
    signal: AbortSignal,
    look: () => Promise<boolean>,
  ): Promise<void> {
    const { changed, forget } = this.#expect(operationId);
    try {
      this.#listening ??= this.#listen();
      await this.#listening;
      if (signal.aborted || this.stopping.aborted || (await look())) return;
      await settled(changed, timeout, AbortSignal.any([signal, this.stopping]));
    } finally {
      forget();
    }
  }

  /** Lets go of the connection and of everybody who waits. */
  async close(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#reconnecting);
    await this.#client?.end().catch(() => undefined);
  }

  #expect(operationId: string): { changed: Promise<void>; forget: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.#waiters.get(operationId) ?? new Set<Waiter>();
    this.#waiters.set(operationId, waiters.add(resolve));
    const forget = () => {
      waiters.delete(resolve);
      if (waiters.size === 0 && this.#waiters.get(operationId) === waiters) this.#waiters.delete(operationId);
    };
    return { changed: promise, forget };
  }

  async #listen(): Promise<void> {
    if (this.stopping.aborted) return;
    const client = new pg.Client({
      connectionString: this.#databaseUrl,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      keepAlive: true,
    });
    this.#client = client;
    client.on('notification', (message) => this.#wake(message.payload ?? ''));
    client.on('error', (error) => this.#log.warn({ err: error }, 'Lost the connection that hears of operation changes'));
    client.once('end', () => this.#reconnect());
    try {
      await client.connect();
      await client.query('LISTEN operation_changed');
    } catch (error) {
      this.#log.warn({ err: error }, 'Cannot hear of operation changes');
      await client.end().catch(() => undefined);
      this.#reconnect();
    }
  }

  #reconnect(): void {
    if (this.stopping.aborted) return;
    clearTimeout(this.#reconnecting);
    this.#reconnecting = setTimeout(() => {
      this.#listening = this.#listen();
      void this.#listening.then(() => this.#wakeAll());
    }, RECONNECT_PAUSE);
  }

  #wake(operationId: string): void {
    for (const waiter of this.#waiters.get(operationId) ?? []) waiter();
  }

  #wakeAll(): void {
    for (const operationId of this.#waiters.keys()) this.#wake(operationId);
  }
}

/** Resolves when `work` does, when time is up, or when `signal` aborts; never rejects. */
function settled(work: Promise<void>, timeout: Milliseconds, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, timeout);
    signal.addEventListener('abort', finish, { once: true });
    void work.then(finish);
  });
}
