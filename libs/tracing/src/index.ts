/**
 * Spans at the seams of the service, by the API of OpenTelemetry alone: whoever uses it carries no exporter along. Who records and
 * sends them is started by the observability library.
 */
export {
  beginSpan,
  currentTraceIds,
  currentTraceparent,
  insideSpan,
  markFailed,
  traced,
  traceHeaders,
  type Span,
  type SpanOptions,
} from './spans';
