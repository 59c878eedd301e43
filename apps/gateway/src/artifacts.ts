import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RequestRefused } from './request-refused';

const PATH = /^\/artifacts\/([0-9a-f]{64})$/;

/** The hash that an artifact's path names; undefined when the path is none. */
export const artifactHash = (path: string): string | undefined => PATH.exec(path)?.[1];

/**
 * Serves a file whose name is the SHA-256 of its content; so it can be cached for ever and needs no secret: whoever downloads
 * checks the hash. Supports one byte range (RFC 9110 14). Throws `RequestRefused` 404.
 */
export async function serveArtifact(
  folder: string,
  sha256: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = join(folder, sha256);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new RequestRefused(404, 'ResourceNotFound', `There is no artifact ${sha256}.`);
  const range = readRange(request.headers.range, found.size);
  const headers = {
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': 'application/octet-stream',
    etag: `"${sha256}"`,
  };
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${found.size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: found.size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': end - start + 1,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${found.size}` } : {}),
  });
  if (request.method === 'HEAD' || found.size === 0) response.end();
  else await pipeline(createReadStream(path, { start, end }), response);
}

/** A `Range` that asks for anything but one range of bytes is ignored, as the RFC allows. */
function readRange(header: string | undefined, size: number): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end || start >= size ? 'unsatisfiable' : { start, end };
}
