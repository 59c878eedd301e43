/** The bytes are not a whole snapshot: torn, altered, or never one. The message says where it does not fit. */
export class SnapshotDamagedError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'SnapshotDamagedError';
  }
}
