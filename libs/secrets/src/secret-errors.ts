/** A stored secret or key does not open: tampered with, moved to another owner or purpose, or sealed with another key. */
export class SecretUnreadableError extends Error {
  constructor(what: string, cause?: unknown) {
    super(`${what} cannot be opened: it was changed, moved, or sealed with another key.`, { cause });
    this.name = 'SecretUnreadableError';
  }
}

/** There is no such secret; the work that should have stored it has not run, or its owner was destroyed. */
export class SecretNotFoundError extends Error {
  constructor(owner: string, purpose: string) {
    super(`There is no secret "${purpose}" of ${owner}.`);
    this.name = 'SecretNotFoundError';
  }
}
