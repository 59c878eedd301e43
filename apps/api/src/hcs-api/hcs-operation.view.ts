import type { z } from 'zod';
import type { hcsOperationAnswerSchema } from '@managed-consul/api-contract';
import type { Operation } from '@managed-consul/operations';
import { errorInfo } from './hcs-refusal';

type HcsOperation = NonNullable<z.infer<typeof hcsOperationAnswerSchema>['operation']>;

const STATES = { Pending: 'PENDING', Running: 'RUNNING', Succeeded: 'DONE', Failed: 'DONE', Canceled: 'DONE' } as const;

/** gRPC's numbers: a canceled operation is CANCELLED, a failed one could not go on from the state that things were in. */
const CANCELLED = 1;
const FAILED_PRECONDITION = 9;

/** What every operation leads to that the API has: nothing that would not be read elsewhere. */
const EMPTY = { typeUrl: 'type.googleapis.com/google.protobuf.Empty', value: '' };

/** An operation in the shape of the HCS API: one that is DONE has either a response or an error. */
export function showHcsOperation(operation: Operation): HcsOperation {
  const { id, state, errorMessage, errorCode } = operation;
  const shown = { id, state: STATES[state] };
  if (state === 'Succeeded') return { ...shown, response: EMPTY };
  if (state === 'Canceled') return { ...shown, error: { code: CANCELLED, message: 'The operation was canceled.' } };
  if (state !== 'Failed') return shown;
  const details = errorCode === null ? {} : { details: [errorInfo(errorCode)] };
  return { ...shown, error: { code: FAILED_PRECONDITION, message: errorMessage ?? 'The operation failed.', ...details } };
}
