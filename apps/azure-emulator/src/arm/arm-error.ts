import { type JsonObject } from './json';

/** One problem inside an error answer. */
export interface ArmErrorDetail {
  code: string;
  message: string;
  target?: string;
  details?: ArmErrorDetail[];
}

/** A refusal in Azure's own words: status, code and text as Resource Manager sends them. Everything else thrown becomes a 500. */
export class ArmError extends Error {
  readonly status: number;
  readonly code: string;
  readonly target: string | undefined;
  readonly details: readonly ArmErrorDetail[];
  readonly headers: Readonly<Record<string, string>>;
  readonly additionalInfo: readonly JsonObject[];

  constructor(
    status: number,
    code: string,
    message: string,
    more: {
      target?: string;
      details?: readonly ArmErrorDetail[];
      headers?: Record<string, string>;
      additionalInfo?: readonly JsonObject[];
    } = {},
  ) {
    super(message);
    this.name = 'ArmError';
    this.status = status;
    this.code = code;
    this.target = more.target;
    this.details = more.details ?? [];
    this.headers = more.headers ?? {};
    this.additionalInfo = more.additionalInfo ?? [];
  }

  /** The `error` object of the envelope; also what a failed long operation shows. */
  toErrorObject(): ArmErrorDetail & JsonObject {
    return {
      code: this.code,
      message: this.message,
      ...(this.target === undefined ? {} : { target: this.target }),
      ...(this.details.length === 0 ? {} : { details: [...this.details] }),
      ...(this.additionalInfo.length === 0 ? {} : { additionalInfo: [...this.additionalInfo] }),
    };
  }
}

/** What a caller sees of any thrown value; a stranger shows nothing but that it happened. */
export function toArmError(error: unknown): ArmError {
  if (error instanceof ArmError) return error;
  return new ArmError(500, 'InternalServerError', 'The server encountered an internal error. Please retry the request.');
}
