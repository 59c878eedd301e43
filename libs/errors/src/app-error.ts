import { ERROR_CODES, type ErrorCode } from './codes';

/** One problem of several: `target` is the field (`servers`, `tags.owner`), the message says what to do about it. */
export interface ErrorDetail {
  code: string;
  target?: string;
  message: string;
}

/** What went wrong, for the caller (`code`, `publicMessage`, `details`) and, in `cause`, for the log. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly publicMessage: string;
  readonly target: string | undefined;
  readonly details: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    publicMessage: string,
    more: { target?: string; details?: readonly ErrorDetail[]; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(publicMessage, { cause: more.cause });
    this.name = 'AppError';
    this.code = code;
    this.publicMessage = publicMessage;
    this.target = more.target;
    this.details = more.details ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** The body of every error answer: ARM's error envelope (resource-provider contract, "Error response content"). */
export interface ErrorEnvelope {
  error: { code: string; message: string; target?: string; details?: ErrorDetail[] };
}

/** The one place that turns an error into a status and a body. What is not an AppError shows nothing but the correlation id. */
export function toErrorResponse(
  error: unknown,
  correlationId: string,
): { status: number; body: ErrorEnvelope; retryAfterSeconds?: number } {
  if (!(error instanceof AppError)) {
    const message = `Something went wrong on our side. Try again; if it stays, name correlation id ${correlationId} to support.`;
    return { status: 500, body: { error: { code: 'InternalError', message } } };
  }
  const { code, publicMessage, target, details, retryAfterSeconds } = error;
  return {
    status: ERROR_CODES[code].status,
    body: {
      error: {
        code,
        message: publicMessage,
        ...(target ? { target } : {}),
        ...(details.length > 0 ? { details: [...details] } : {}),
      },
    },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}
