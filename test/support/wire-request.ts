import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';

/** An Azure emulator, and the file with the authority that its clients must trust. */
interface WireTarget {
  endpoint: string;
  caFile: string;
}

interface WireRequest {
  method: string;
  /** Azure's own name of what is asked. */
  host: string;
  /** Sent as it stands: no URL is made of it that would tidy it up. */
  path: string;
  token?: string;
  body?: string;
  type?: string;
}

export interface WireReply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** Sends a request to one of Azure's own names, as the emulator's proxy delivers it. An answer without content is an empty object. */
export async function sendOnWire({ endpoint, caFile }: WireTarget, asked: WireRequest): Promise<WireReply> {
  const { hostname, port } = new URL(endpoint);
  const { method, host, path, token, body, type = 'application/json' } = asked;
  const sending = request({
    method,
    host: hostname,
    port,
    servername: host,
    path,
    ca: readFileSync(caFile),
    agent: false,
    headers: {
      host,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
    },
  });
  sending.end(body);
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  const content = await text(answer);
  const read = content === '' ? {} : (JSON.parse(content) as Record<string, unknown>);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: read };
}
