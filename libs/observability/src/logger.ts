import { AsyncLocalStorage } from 'node:async_hooks';
import { currentTraceIds } from '@managed-consul/tracing';
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

/** Names of fields that carry secrets, at any depth, whatever stands before them: `managementToken`, `client_secret`, `SecretID`. */
const CARRIER =
  /(authorization|cookie|token|secret|secretid|password|passphrase|privatekey|gossipkey|signature|connectionstring)$/i;
const DEEPEST = 8;

const isPlain = (value: object): boolean => Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;

/** A copy without secrets. Only plain data is looked into: errors and the like have serializers of their own. */
function censor(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  if (depth === DEEPEST) return '[too deep]';
  if (Array.isArray(value)) return value.map((one) => censor(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      const isSecret = one !== null && one !== undefined && CARRIER.test(name.replaceAll(/[-_]/g, ''));
      return [name, isSecret ? '[redacted]' : censor(one, depth + 1)];
    }),
  );
}

/** A JSON-lines logger. debug: nothing to do; info: routine work done; warn: something wrong found; error: failed. */
export function createLogger(options: { app: string; level: string }, destination?: DestinationStream): Logger {
  const settings = {
    base: { app: options.app, pid: process.pid },
    level: options.level,
    mixin: () => ({ ...currentLogContext(), ...currentTraceIds() }),
    formatters: { log: (fields: object) => censor(fields) as Record<string, unknown> },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return destination ? pino(settings, destination) : pino(settings);
}
