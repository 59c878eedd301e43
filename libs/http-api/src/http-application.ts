import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import type { CanActivate, DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorCodes, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { toErrorResponse } from '@managed-consul/errors';
import type { Logger, Metrics } from '@managed-consul/observability';
import { AllowedMethods } from './allowed-methods';
import { ErrorFilter, type Refusals } from './error.filter';
import { addRequestContext, answerIds } from './request-context';
import { limitRequests, type RequestLimiter } from './request-limiter';
import { addRequestMetrics } from './request-metrics';
import { translateFrameworkError } from './request-errors';

const BODY_LIMIT_BYTES = 1024 * 1024;
const FORM_LIMIT_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** What the adapter's types leave open about a request that has not been routed yet. */
type RawRequest = Pick<IncomingMessage, 'url' | 'headers'>;

export interface HttpApplicationOptions {
  module: DynamicModule;
  /** Lets requests through, and says whose they are. */
  guard: CanActivate;
  /** Holds those whom the guard lets through to what they may send; nobody is held unless given. */
  limiter?: RequestLimiter | undefined;
  refusals: Refusals;
  log: Logger;
  /** Where requests are counted; nowhere unless given. */
  metrics?: Metrics | undefined;
  /** Addresses that take forms as browsers send them; everywhere else a body is JSON. */
  formAddresses?: readonly string[];
  /** Adds what is answered by no Nest handler, and so not seen by the guard. */
  extend?: (fastify: FastifyInstance) => void;
  /** The address that is meant by that of a request; itself unless given. */
  rewriteUrl?: (request: { url: string; headers: IncomingMessage['headers'] }) => string;
}

export interface HttpApplication {
  application: NestFastifyApplication;
  /** Every route, as `METHOD /path/{parameter}`. */
  routes: () => string[];
}

/** An address that cannot be decoded meets neither hook nor filter. */
function answerBrokenAddress(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  answerIds(request, reply);
  const { status, body } = toErrorResponse(translateFrameworkError(error), request.correlationId);
  void reply.status(status).send(body);
}

/** A form of text fields, where one is expected. */
function takeForms(fastify: FastifyInstance, addresses: readonly string[]): void {
  const type = 'application/x-www-form-urlencoded';
  const read = async ({ routeOptions }: FastifyRequest, body: string): Promise<object> => {
    if (!addresses.includes(routeOptions.url ?? '')) throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type);
    return Object.fromEntries(new URLSearchParams(body));
  };
  fastify.addContentTypeParser(type, { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES }, read);
}

/** Builds an HTTP interface, ready to listen; listening and closing are the caller's. */
export async function createHttpApplication(options: HttpApplicationOptions): Promise<HttpApplication> {
  const { module, refusals, log, metrics, rewriteUrl } = options;
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerBrokenAddress,
    ...(rewriteUrl ? { rewriteUrl: ({ url = '/', headers }: RawRequest) => rewriteUrl({ url, headers }) } : {}),
  });
  const fastify = adapter.getInstance();
  // Bodies are JSON and nothing else; Nest's own parser would take forms, and Fastify's takes plain text.
  fastify.removeContentTypeParser('text/plain');
  if (options.formAddresses) takeForms(fastify, options.formAddresses);
  const allowedMethods = new AllowedMethods();
  allowedMethods.watch(fastify);
  addRequestContext(fastify, log);
  if (metrics) addRequestMetrics(fastify, metrics);
  options.extend?.(fastify);
  const application = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  application.useGlobalGuards(limitRequests(options.guard, options.limiter));
  application.useGlobalFilters(new ErrorFilter(log, allowedMethods, refusals));
  await application.init();
  await fastify.ready();
  return { application, routes: () => allowedMethods.list() };
}
