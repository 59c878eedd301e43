import type { FastifyRequest } from 'fastify';
import { hashRequest, type RepeatableRequest } from '@managed-consul/access';
import { AppError } from '@managed-consul/errors';

/** Printable characters, so that a key can be logged and searched for. */
const KEY = /^[\x21-\x7e]{1,128}$/;

/** The Idempotency-Key of a request with the hash of what was sent; undefined without a key. Throws InvalidRequest. */
export function repeatableOf(request: FastifyRequest): RepeatableRequest | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new AppError('InvalidRequest', 'Give an Idempotency-Key of 1 to 128 printable characters without spaces.', {
      target: 'Idempotency-Key',
    });
  }
  const path = request.url.split('?', 1)[0] ?? '/';
  return { key, requestHash: hashRequest(request.method, path, request.body) };
}
