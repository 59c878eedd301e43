/**
 * Logs: constant message, data as fields, ids from the context of the work. Never a secret: known carriers are redacted,
 * and `SecretValue` cannot print itself.
 */
export { createLogger, currentLogContext, withLogContext, type LogContext, type Logger } from './logger';
export { InternalListener, type HealthChecks } from './internal-listener';
export { startTracing, type Tracing } from './start-tracing';
export { Metrics, type Spread, type Tally } from './metrics';
