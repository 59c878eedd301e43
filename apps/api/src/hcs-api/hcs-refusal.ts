import type { z } from 'zod';
import type { hcsGatewayErrorSchema } from '@managed-consul/api-contract';
import { AppError, toErrorResponse, type ErrorCode } from '@managed-consul/errors';

/** gRPC's status numbers, which the HCS API tells its errors by. */
const GRPC = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const BY_STATUS: Record<number, number> = {
  400: GRPC.invalidArgument,
  401: GRPC.unauthenticated,
  403: GRPC.permissionDenied,
  404: GRPC.notFound,
  405: GRPC.unimplemented,
  409: GRPC.failedPrecondition,
  412: GRPC.failedPrecondition,
  413: GRPC.invalidArgument,
  415: GRPC.invalidArgument,
  429: GRPC.resourceExhausted,
  503: GRPC.unavailable,
};

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  OperationInProgress: GRPC.aborted,
  NameAlreadyExists: GRPC.alreadyExists,
  SnapshotNameExists: GRPC.alreadyExists,
  QuotaExceeded: GRPC.resourceExhausted,
};

/** Statuses that the API's document gives a body of its own; every other is its gateway's error, which has one field more. */
const DOCUMENTED = new Set([400, 401, 404, 500]);

/** Field `number` of a protobuf message as text. */
function textField(number: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8').subarray(0, 127);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** `google.rpc.ErrorInfo`: our own stable code, for clients that want to tell refusals apart. */
export const errorInfo = (code: string) => ({
  typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
  value: Buffer.concat([textField(1, code), textField(2, 'managed-consul')]).toString('base64'),
});

export interface HcsRefusal {
  status: number;
  body: z.infer<typeof hcsGatewayErrorSchema>;
  retryAfterSeconds?: number;
}

/** An error as the HCS API answers it: the same status and sentences as everywhere, in its shape. */
export function toHcsRefusal(error: unknown, correlationId: string): HcsRefusal {
  const { status, body, ...more } = toErrorResponse(error, correlationId);
  const { code, message, details = [] } = body.error;
  const sentences = [message, ...details.map(({ target, message: detail }) => (target ? `${target}: ${detail}` : detail))];
  const shown = [...new Set(sentences)].join(' ');
  const number = (error instanceof AppError ? BY_CODE[error.code] : undefined) ?? BY_STATUS[status] ?? GRPC.internal;
  const answer = { code: number, message: shown, details: [errorInfo(code)] };
  return { status, body: DOCUMENTED.has(status) ? answer : { error: shown, ...answer }, ...more };
}
