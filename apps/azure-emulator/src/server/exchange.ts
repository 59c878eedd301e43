import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse as NodeResponse } from 'node:http';
import { ArmError } from '../arm/arm-error';
import { type ServerResponse } from './route';

/** Largest body that Resource Manager takes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A request as it came in, decoded; nothing is known yet of who sent it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyText: string;
  readonly requestId: string;
  readonly correlationId: string;
  /** `https://host:port` by which the client reached us: links in answers must lead there. */
  readonly origin: string;
}

/** Decodes a path as Resource Manager does: `%2F` is a slash, slashes in a row are one, a last one is nothing. */
export function normalisePath(rawPath: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(rawPath);
  } catch {
    throw new ArmError(400, 'InvalidRequestUri', `The request URI '${rawPath}' is not properly percent-encoded.`);
  }
  return `/${decoded.split('/').filter(Boolean).join('/')}`;
}

/** Reads the body. Throws 413 past `MAX_BODY_BYTES`. */
export async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      const message = `The request content size exceeds the maximum size of '${MAX_BODY_BYTES}' bytes.`;
      throw new ArmError(413, 'RequestEntityTooLarge', message, { headers: { connection: 'close' } });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Headers with one value each; Node joins repeated ones already. */
export function flattenHeaders(incoming: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

/** The ids that every answer carries. */
export function correlationHeaders(
  headers: Readonly<Record<string, string>>,
  requestId: string,
  now: Date,
): Record<string, string> {
  const correlationId = headers['x-ms-correlation-request-id'] ?? requestId;
  const clientRequestId = headers['x-ms-client-request-id'];
  const echo = headers['x-ms-return-client-request-id']?.toLowerCase() === 'true' && clientRequestId !== undefined;
  return {
    'x-ms-request-id': requestId,
    'x-ms-correlation-request-id': correlationId,
    'x-ms-routing-request-id': `EMULATOR:${now.toISOString().replace(/[-:]|\.\d+/g, '')}:${requestId}`,
    date: now.toUTCString(),
    'cache-control': 'no-cache',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    ...(echo ? { 'x-ms-client-request-id': clientRequestId } : {}),
  };
}

export const newRequestId = (): string => randomUUID();

/** Sends `answer` with `headers` beneath its own. */
export function sendAnswer(
  outgoing: NodeResponse,
  answer: ServerResponse,
  headers: Record<string, string>,
  isHead: boolean,
): void {
  const isText = typeof answer.body === 'string';
  const text = answer.body === undefined ? undefined : isText ? answer.body : JSON.stringify(answer.body);
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
  outgoing.writeHead(answer.status, {
    ...headers,
    ...(text === undefined
      ? { 'content-length': '0' }
      : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }),
    ...answer.headers,
  });
  outgoing.end(isHead ? undefined : text);
}
