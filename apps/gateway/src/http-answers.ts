import type { IncomingMessage, ServerResponse } from 'node:http';
import { REFUSAL_HEADER, type AgentErrorBody } from '@managed-consul/agent-protocol';
import type { Logger } from '@managed-consul/observability';
import type { z } from 'zod';
import { RequestRefused } from './request-refused';

const LARGEST_BODY_BYTES = 64 * 1024;

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Answers a failed request; what nobody foresaw is logged and shows nothing. */
export function answerError(response: ServerResponse, error: unknown, log: Logger): void {
  const refused = error instanceof RequestRefused ? error : undefined;
  if (!refused) log.error({ err: error }, 'A request failed');
  if (response.headersSent) return void response.destroy();
  const status = refused?.status ?? 500;
  const code = refused?.code ?? 'InternalError';
  const body: AgentErrorBody = {
    error: { code, message: refused?.message ?? 'Something went wrong in the gateway; its log says what.' },
  };
  response.setHeader(REFUSAL_HEADER, code);
  // The rest of a body that nobody reads would be taken for the next request.
  response.setHeader('connection', 'close');
  answerJson(response, status, body);
}

/** The request's JSON body, at most 64 KiB, checked. Throws `RequestRefused`. */
export async function readBody<Schema extends z.ZodType>(request: IncomingMessage, schema: Schema): Promise<z.infer<Schema>> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > LARGEST_BODY_BYTES)
      throw new RequestRefused(413, 'PayloadTooLarge', `A body may have at most ${LARGEST_BODY_BYTES} bytes.`);
    parts.push(part);
  }
  const parsed = schema.safeParse(parseJson(Buffer.concat(parts).toString('utf8')));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new RequestRefused(400, 'InvalidRequest', `The request does not fit its schema: ${problems}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestRefused(400, 'InvalidJson', 'The body is not JSON.');
  }
}
