import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const EXPORT_TIMEOUT = 5_000;
/** What waits for the collector at most: what comes on top is dropped, and nobody waits for it. */
const LONGEST_QUEUE = 4096;

export interface Tracing {
  /** Sends what waits, as far as the collector takes it within its time. */
  stop(): Promise<void>;
}

/**
 * Sends the spans of this process to a collector by OTLP over HTTP, `endpoint` being the whole address (`…/v1/traces`). Without an
 * endpoint nothing is recorded, and spans cost next to nothing. A collector that is slow or away disturbs no work.
 */
export function startTracing({ app, endpoint }: { app: string; endpoint: string | undefined }): Tracing {
  if (endpoint === undefined) return { stop: () => Promise.resolve() };
  const provider = openProvider(app, endpoint);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    stop: async () => {
      await provider.shutdown().catch(() => undefined);
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}

function openProvider(app: string, endpoint: string): BasicTracerProvider {
  const exporter = new OTLPTraceExporter({ url: endpoint, timeoutMillis: EXPORT_TIMEOUT });
  const limits = { maxQueueSize: LONGEST_QUEUE, exportTimeoutMillis: EXPORT_TIMEOUT, scheduledDelayMillis: 1000 };
  return new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': app, 'service.namespace': 'managed-consul' }),
    spanProcessors: [new BatchSpanProcessor(exporter, limits)],
  });
}
