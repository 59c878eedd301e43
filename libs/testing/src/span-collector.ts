import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const valueSchema = z.looseObject({ stringValue: z.string().optional(), intValue: z.union([z.number(), z.string()]).optional() });
const attributesSchema = z.array(z.object({ key: z.string(), value: valueSchema })).default([]);
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.looseObject({
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().default(''),
              name: z.string(),
              attributes: attributesSchema,
              links: z.array(z.looseObject({ traceId: z.string() })).default([]),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** A span as a collector was told of it. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  /** Empty for the root of a trace. */
  parentSpanId: string;
  name: string;
  service: string;
  attributes: Record<string, string>;
  /** Traces that it is linked to. */
  linkedTraces: string[];
}

const plain = (attributes: z.infer<typeof attributesSchema>): Record<string, string> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? '')]));

/** The spans of one OTLP/JSON export. Throws for anything else. */
export function readExportedSpans(json: string): CollectedSpan[] {
  return exportSchema.parse(JSON.parse(json)).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ traceId, spanId, parentSpanId, name, attributes, links }) => ({
        ...{ traceId, spanId, parentSpanId, name },
        service: plain(resource.attributes)['service.name'] ?? '',
        attributes: plain(attributes),
        linkedTraces: links.map((link) => link.traceId),
      })),
  );
}

export interface SpanCollector {
  /** For `TRACES_ENDPOINT`. */
  endpoint: string;
  /** What has come so far. */
  spans: CollectedSpan[];
  stop(): Promise<void>;
}

/** A collector of OTLP over HTTP on a free port of this machine. With `file`, every export is a line of it as well, for other processes. */
export async function startSpanCollector({ file }: { file?: string } = {}): Promise<SpanCollector> {
  const spans: CollectedSpan[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      spans.push(...readExportedSpans(body));
      if (file !== undefined) appendFileSync(file, `${body}\n`);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
