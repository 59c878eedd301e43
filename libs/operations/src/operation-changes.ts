import pg from 'pg';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';
import type { Operation } from './operation';
import type { Operations } from './operations';

/** Every write of an operation notifies on this channel, with its id. */
const CHANNEL = 'operation_changed';

/** How often those who wait look by themselves: seldom while notifications come, often while they do not. */
const LOOK_WHILE_LISTENING: Milliseconds = seconds(5);
const LOOK_WHILE_DEAF: Milliseconds = seconds(1);

const LONGEST_RECONNECT: Milliseconds = seconds(5);

/**
 * Tells readers when an operation has changed: one connection of its own listens for all of them. While the connection is
 * lost, readers look for themselves; when it is back, all look once, because what happened meanwhile was not told.
 */
export class OperationChanges {
  readonly #url: string;
  readonly #operations: Pick<Operations, 'find'>;
  readonly #log: Logger;
  readonly #lookEvery: Milliseconds;
  readonly #waiters = new Map<string, Set<() => void>>();
  #client: pg.Client | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #isListening = false;
  #isClosed = false;

  /** `lookEvery`: how often those who wait look by themselves although notifications come. */
  constructor(options: { databaseUrl: string; operations: Pick<Operations, 'find'>; log: Logger; lookEvery?: Milliseconds }) {
    this.#url = options.databaseUrl;
    this.#operations = options.operations;
    this.#log = options.log;
    this.#lookEvery = options.lookEvery ?? LOOK_WHILE_LISTENING;
    void this.#listen(1);
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /**
   * Waits until the operation's revision is greater than `since`, at most `timeout`, and gives the operation as it is then;
   * undefined if there is none. Aborting `signal` ends the wait early, with the operation as it is.
   */
  async waitForChange(id: string, since: number, timeout: Milliseconds, signal?: AbortSignal): Promise<Operation | undefined> {
    const giveUpAt = performance.now() + timeout;
    for (;;) {
      // Registered before the look, so that no change falls between the two.
      const notice = this.#noticeOf(id, signal);
      try {
        const operation = await this.#operations.find(id);
        const left = giveUpAt - performance.now();
        if (!operation || operation.revision > since || left <= 0 || signal?.aborted || this.#isClosed) return operation;
        await notice.within(Math.min(left, this.#isListening ? this.#lookEvery : LOOK_WHILE_DEAF));
      } finally {
        notice.drop();
      }
    }
  }

  /** Ends the connection and every wait. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#reconnect);
    this.#wakeAll();
    await this.#client?.end().catch(() => undefined);
  }

  #noticeOf(id: string, signal: AbortSignal | undefined) {
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters);
    let notify = (): void => undefined;
    const noticed = new Promise<void>((resolve) => (notify = resolve));
    waiters.add(notify);
    signal?.addEventListener('abort', notify);
    return {
      within: async (length: Milliseconds) => {
        const timer = setTimeout(notify, length);
        await noticed;
        clearTimeout(timer);
      },
      drop: () => {
        signal?.removeEventListener('abort', notify);
        waiters.delete(notify);
        if (waiters.size === 0 && this.#waiters.get(id) === waiters) this.#waiters.delete(id);
      },
    };
  }

  #wakeAll(): void {
    for (const waiters of this.#waiters.values()) for (const notify of waiters) notify();
  }

  async #listen(attempt: number): Promise<void> {
    if (this.#isClosed) return;
    const client = new pg.Client({ connectionString: this.#url, keepAlive: true, connectionTimeoutMillis: 5000 });
    this.#client = client;
    let isOver = false;
    const lost = (error?: Error) => {
      if (isOver) return;
      isOver = true;
      this.#isListening = false;
      if (this.#isClosed) return;
      this.#log.warn({ err: error }, 'changes of operations are not told for the moment');
      // What is left of the client must not keep its socket.
      void client.end().catch(() => undefined);
      this.#reconnect = setTimeout(() => void this.#listen(attempt + 1), Math.min(attempt * 250, LONGEST_RECONNECT));
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => {
      for (const notify of this.#waiters.get(payload ?? '') ?? []) notify();
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      attempt = 1;
      this.#isListening = !isOver;
      this.#wakeAll();
    } catch (error) {
      lost(error instanceof Error ? error : undefined);
    }
  }
}
