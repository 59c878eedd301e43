import type { FastifyReply } from 'fastify';

/** Seconds after which asking again is worth it. */
export const RETRY_AFTER_SECONDS = 2;

/** Where to follow an operation, in the headers that Azure's own clients look for. */
export function pointToOperation(reply: FastifyReply, publicUrl: string, operationId: string): void {
  const address = `${publicUrl}/v1/operations/${operationId}`;
  void reply.header('operation-location', address);
  void reply.header('location', `${address}/result`);
  void reply.header('retry-after', RETRY_AFTER_SECONDS);
}
