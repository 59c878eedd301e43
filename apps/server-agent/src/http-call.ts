import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Milliseconds } from '@managed-consul/config';

/** A small request and its small answer: what the agent says to the metadata service and to the gateway. */
export interface HttpCall {
  url: URL;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  json?: unknown;
  tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
  timeout: Milliseconds;
}

export interface HttpAnswer {
  status: number;
  /** Parsed JSON, or the text when it is none. */
  body: unknown;
}

const LARGEST_ANSWER_BYTES = 1024 * 1024;

/** Asks once. Node's own client rather than `fetch`: that one would cost the agent some ten MiB. Throws when there is no whole answer in time. */
export function call({ url, method = 'GET', headers = {}, json, tls = {}, timeout }: HttpCall): Promise<HttpAnswer> {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const sent =
    body === undefined
      ? headers
      : { ...headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const options = {
    method,
    headers: sent,
    agent: false,
    signal: AbortSignal.timeout(timeout),
    ...(url.protocol === 'https:' ? tls : {}),
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (answer) => {
      const parts: Buffer[] = [];
      let size = 0;
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > LARGEST_ANSWER_BYTES)
          request.destroy(new Error(`${url.pathname} answered more than ${LARGEST_ANSWER_BYTES} bytes`));
        else parts.push(part);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: parse(Buffer.concat(parts).toString('utf8')) }));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
