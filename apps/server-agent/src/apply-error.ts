/** Why a desired state could not be applied; code and message go into the reported state, the cause into the log. */
export class ApplyError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ApplyError';
    this.code = code;
  }
}
