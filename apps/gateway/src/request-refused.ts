/** A request that is refused: status, stable code, and a sentence for whoever runs the other side. */
export class RequestRefused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'RequestRefused';
    this.status = status;
    this.code = code;
  }
}
