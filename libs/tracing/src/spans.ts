import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
} from '@opentelemetry/api';

const NAME = 'managed-consul';

/** What a span is told at its begin. Attributes are ids, kinds, names and statuses: never a secret, an input or an output. */
export interface SpanOptions {
  kind?: 'server' | 'client' | 'internal';
  attributes?: Attributes;
  /** W3C `traceparent` of what the span belongs to; otherwise the span that is open here. */
  parent?: string | null | undefined;
  /** `traceparent` of what led to it without being its parent. */
  link?: string | undefined;
  startTime?: Date;
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

const contextOf = (traceparent: string): Context => propagation.extract(ROOT_CONTEXT, { traceparent });

const linksTo = (traceparent: string | undefined): Link[] => {
  const linked = traceparent === undefined ? undefined : trace.getSpanContext(contextOf(traceparent));
  return linked ? [{ context: linked }] : [];
};

/** Begins a span that somebody else ends. A `parent` that is not a traceparent is passed over. */
export function beginSpan(name: string, { kind = 'internal', attributes = {}, parent, link, startTime }: SpanOptions = {}): Span {
  const begun = { kind: KINDS[kind], attributes, links: linksTo(link), ...(startTime ? { startTime } : {}) };
  return trace.getTracer(NAME).startSpan(name, begun, parent ? contextOf(parent) : context.active());
}

/** Runs `work` with the span open: spans that begin in it belong to it, and lines of the log carry its ids. */
export const insideSpan = <Result>(span: Span, work: () => Result): Result =>
  context.with(trace.setSpan(context.active(), span), work);

/** Does `work` in a span of its own. An error ends the span as one, told by its class alone: messages may hold what callers sent. */
export async function traced<Result>(name: string, options: SpanOptions, work: (span: Span) => Promise<Result>): Promise<Result> {
  const span = beginSpan(name, options);
  try {
    return await insideSpan(span, () => work(span));
  } catch (error) {
    markFailed(span, error instanceof Error ? error.name : 'Error');
    throw error;
  } finally {
    span.end();
  }
}

/** Says that what the span stands for has failed. */
export function markFailed(span: Span, errorType: string): void {
  span.setAttribute('error.type', errorType);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The open span as W3C `traceparent`, to be sent or stored; undefined when nothing is recorded. */
export function currentTraceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** The same as a header to send along; none when nothing is recorded. */
export function traceHeaders(): Record<string, string> {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? {} : { traceparent };
}

/** Ids of the open span, for the log; none when nothing is recorded. */
export function currentTraceIds(): { traceId?: string; spanId?: string } {
  const open = trace.getSpanContext(context.active());
  return open ? { traceId: open.traceId, spanId: open.spanId } : {};
}

export type { Span };
