/**
 * How a call to the outside (Azure, Consul, an agent) ended badly. Adapters translate once, at their edge; nobody reads
 * messages to decide. `TerminalError` will never work as asked; `TransientError` may work later.
 */
export class TerminalError extends Error {
  /** Stable code shown to the customer with the failed operation, e.g. `QuotaExceeded`. */
  readonly code: string;
  /** Sentence for the customer: what happened and what to do. */
  readonly publicMessage: string;

  constructor(code: string, publicMessage: string, cause?: unknown) {
    super(publicMessage, { cause });
    this.name = 'TerminalError';
    this.code = code;
    this.publicMessage = publicMessage;
  }
}

/** Worth another try. `retryAfterSeconds` is what the other side asked for, when it asked. */
export class TransientError extends Error {
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, more: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, { cause: more.cause });
    this.name = 'TransientError';
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}
