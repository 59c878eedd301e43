import { AsyncLocalStorage } from 'node:async_hooks';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

/** Fields that every line inside a piece of work carries, without the author of a step naming them. */
export interface LogContext {
  correlationId?: string;
  operationId?: string;
  clusterId?: string;
  installationId?: string;
  step?: string;
  item?: string;
}

export type Logger = PinoLogger;

const context = new AsyncLocalStorage<LogContext>();

/** Runs `work` with `fields` added to the context of the surrounding work. */
export function withLogContext<Result>(fields: LogContext, work: () => Result): Result {
  return context.run({ ...context.getStore(), ...fields }, work);
}

export const currentLogContext = (): LogContext => context.getStore() ?? {};

const REDACTED_PATHS = [
  'authorization',
  'headers.authorization',
  'req.headers.authorization',
  'token',
  '*.token',
  '*.secret',
  '*.password',
];

/** A JSON-lines logger. debug: nothing to do; info: routine work done; warn: something wrong found; error: failed. */
export function createLogger(options: { app: string; level: string }, destination?: DestinationStream): Logger {
  const settings = {
    base: { app: options.app, pid: process.pid },
    level: options.level,
    mixin: () => ({ ...currentLogContext() }),
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return destination ? pino(settings, destination) : pino(settings);
}
