import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Requester } from '@managed-consul/access';
import { withLogContext, type Logger } from '@managed-consul/observability';
import { beginSpan, insideSpan, markFailed, type Span } from '@managed-consul/tracing';

declare module 'fastify' {
  interface FastifyRequest {
    correlationId: string;
    /** Set by the guard on every route that is not public. */
    requester?: Requester;
    span: Span | undefined;
  }
}

/** What a caller may choose as correlation id: it goes into headers, logs and rows. */
const CORRELATION_ID = /^[\w.-]{1,128}$/;

const given = (value: string | string[] | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** Azure Resource Manager's headers on every answer; the client's own id only when it asks for it back. */
export function answerIds(request: FastifyRequest, reply: FastifyReply): void {
  const chosen = given(request.headers['x-ms-correlation-request-id']);
  request.correlationId = chosen && CORRELATION_ID.test(chosen) ? chosen : randomUUID();
  void reply.header('x-ms-correlation-request-id', request.correlationId).header('x-ms-request-id', randomUUID());
  const clientId = given(request.headers['x-ms-client-request-id']);
  const wantsItBack = given(request.headers['x-ms-return-client-request-id'])?.toLowerCase() === 'true';
  if (clientId && wantsItBack && CORRELATION_ID.test(clientId)) void reply.header('x-ms-client-request-id', clientId);
}

/** Gives every request a correlation id, answers with it, logs under it, and logs how the request went. */
export function addRequestContext(fastify: FastifyInstance, log: Logger): void {
  fastify.decorateRequest('correlationId', '');
  fastify.decorateRequest('requester', undefined);
  fastify.decorateRequest('span', undefined);
  fastify.addHook('onRequest', (request, reply, next) => {
    answerIds(request, reply);
    void reply.header('x-content-type-options', 'nosniff');
    const { method, correlationId } = request;
    const name = `${method} ${request.routeOptions.url ?? 'nowhere'}`;
    request.span = beginSpan(name, {
      kind: 'server',
      parent: given(request.headers['traceparent']),
      attributes: { correlationId },
    });
    next();
  });
  // After the body has been read: reading it would lose the context.
  fastify.addHook('preValidation', (request, _reply, next) => {
    const { span, correlationId } = request;
    withLogContext({ correlationId }, () => (span ? insideSpan(span, next) : next()));
  });
  fastify.addHook('onResponse', (request, reply, next) => {
    // The route and never the address: a notification carries its secret in the query.
    const { method, correlationId, span } = request;
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (span && reply.statusCode >= 500) markFailed(span, String(reply.statusCode));
    span?.end();
    const fields = { method, route: request.routeOptions.url, status: reply.statusCode, correlationId };
    log.debug({ ...fields, durationMs: Math.round(reply.elapsedTime) }, 'Request answered');
    next();
  });
}
