/**
 * Errors as types: what a caller is told (`AppError`, one list of codes, ARM's envelope) and whether trying again can
 * help (`TerminalError`, `TransientError`). Knows no framework.
 */
export { ERROR_CODES, type ErrorCode } from './codes';
export { AppError, toErrorResponse, type ErrorDetail, type ErrorEnvelope } from './app-error';
export { TerminalError, TransientError } from './outside-errors';
