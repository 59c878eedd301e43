import type { ServerHttp2Stream } from 'node:http2';
import { REFUSAL_HEADER, type AgentErrorBody } from '@managed-consul/agent-protocol';

const LARGEST_BODY_BYTES = 1024 * 1024;

/** A request is not what the protocol says; `status` is what to answer. */
export class RequestError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.code = code;
  }
}

const begun = new WeakMap<ServerHttp2Stream, number>();

/** From here on counts the time that an answer names. The machine reaches nothing but the gateway, which tells it to the trace. */
export const noteBegin = (stream: ServerHttp2Stream): void => void begun.set(stream, performance.now());

export function answer(stream: ServerHttp2Stream, status: number, body: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  const took = (performance.now() - (begun.get(stream) ?? performance.now())).toFixed(1);
  stream.respond({ ':status': status, 'content-type': 'application/json', 'server-timing': `agent;dur=${took}` });
  stream.end(JSON.stringify(body));
}

/** Refuses as the agent itself, which the header tells apart from an answer by Consul. */
export function refuse(stream: ServerHttp2Stream, status: number, code: string, message: string): void {
  if (stream.destroyed || stream.headersSent) return;
  const body: AgentErrorBody = { error: { code, message } };
  stream.respond({ ':status': status, 'content-type': 'application/json', [REFUSAL_HEADER]: code });
  stream.end(JSON.stringify(body));
}

/** The request's JSON, at most 1 MiB. Throws `RequestError`. */
export async function readJson(stream: ServerHttp2Stream): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > LARGEST_BODY_BYTES)
      throw new RequestError(413, 'PayloadTooLarge', `A body may have at most ${LARGEST_BODY_BYTES} bytes.`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new RequestError(400, 'InvalidJson', 'The body is not JSON.');
  }
}
