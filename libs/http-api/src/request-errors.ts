import { HttpException } from '@nestjs/common';
import { AppError } from '@managed-consul/errors';

/** Codes of errors that say that PostgreSQL cannot be reached now, of node, PostgreSQL and Prisma. */
const OUTAGE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '08000', // connection_exception
  '08003', // connection_does_not_exist
  '08006', // connection_failure
  '53300', // too_many_connections
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
]);

/** The driver reports a connection that broke off, or a pool that is exhausted, without a code. */
const OUTAGE_MESSAGE = /^(Connection terminated|timeout exceeded when trying to connect)/;

/** An error and everything that caused it. */
function* chainOf(error: unknown): Generator<{ code?: unknown; message?: unknown }> {
  let current: unknown = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth += 1) {
    yield current;
    current = (current as { cause?: unknown }).cause;
  }
}

const isOutage = (error: unknown): boolean =>
  [...chainOf(error)].some(
    ({ code, message }) =>
      (typeof code === 'string' && OUTAGE_CODES.has(code)) || (typeof message === 'string' && OUTAGE_MESSAGE.test(message)),
  );

/** SQLSTATE of PostgreSQL's class "data exception": a value that its type cannot hold, as U+0000 in a text. */
const DATA_EXCEPTION = /^22[\dA-Z]{3}$/;

/** PostgreSQL's own code of an error; Prisma's adapter keeps it apart from Prisma's. */
function sqlStateOf(link: object): unknown {
  const { code, meta, originalCode } = link as {
    code?: unknown;
    originalCode?: unknown;
    meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } };
  };
  return originalCode ?? meta?.driverAdapterError?.cause?.originalCode ?? code;
}

const isDataException = (error: unknown): boolean =>
  [...chainOf(error)].some((link) => {
    const state = sqlStateOf(link);
    return typeof state === 'string' && DATA_EXCEPTION.test(state);
  });

/** What the web framework refuses before a handler sees it, in our codes. */
const FRAMEWORK_ERRORS: Record<string, () => AppError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new AppError('PayloadTooLarge', 'The body is larger than 1 MiB. Send less.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new AppError('UnsupportedMediaType', "Send the body as JSON, with 'Content-Type: application/json'."),
  FST_ERR_CTP_INVALID_JSON_BODY: () =>
    new AppError('InvalidJson', 'The body is not JSON. Check its quotes, commas and brackets.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new AppError('InvalidJson', "The body is empty. Send '{}' or leave Content-Type out."),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new AppError('InvalidRequest', 'The body is not as long as Content-Length says.'),
  FST_ERR_BAD_URL: () => new AppError('InvalidRequest', 'The address holds a broken percent-encoding.'),
};

/** The framework wraps what it refuses; what it meant is in the chain of causes. */
export function translateFrameworkError(error: unknown): AppError | undefined {
  for (const link of chainOf(error)) {
    const known = typeof link.code === 'string' ? FRAMEWORK_ERRORS[link.code] : undefined;
    if (known) return known();
    if (link instanceof SyntaxError) return FRAMEWORK_ERRORS['FST_ERR_CTP_INVALID_JSON_BODY']?.();
  }
  return undefined;
}

/** Any error as one that can be answered; what stays unknown is returned as it is, and answered as InternalError. */
export function translateError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const refusal = error instanceof HttpException ? translateFrameworkError(error) : undefined;
  if (refusal) return refusal;
  if (isDataException(error)) {
    const message = 'The request holds a value that cannot be stored. Check its texts for characters that no one can type.';
    return new AppError('InvalidRequest', message, { cause: error });
  }
  if (!isOutage(error)) return error;
  return new AppError('ServiceUnavailable', 'The service cannot reach its database right now. Try again in a moment.', {
    cause: error,
    retryAfterSeconds: 2,
  });
}
