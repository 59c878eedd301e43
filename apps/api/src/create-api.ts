import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { toErrorResponse } from '@managed-consul/errors';
import { ApiModule } from './api.module';
import type { ApiServices } from './api-services';
import { FrontDoor } from './hcs-api/front-door';
import { canonicalAddress, REQUEST_PATH_HEADER } from './hcs-api/hcs-address';
import { AllowedMethods } from './http/allowed-methods';
import { CallerGuard } from './http/caller.guard';
import { ErrorFilter } from './http/error.filter';
import { addRequestContext, answerIds } from './http/request-context';
import { translateFrameworkError } from './http/request-errors';

const BODY_LIMIT_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** What the adapter's types leave open about a request that has not been routed yet. */
type RawRequest = Pick<IncomingMessage, 'url' | 'headers'>;

/** An address that cannot be decoded meets neither hook nor filter. */
function answerBrokenAddress(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  answerIds(request, reply);
  const { status, body } = toErrorResponse(translateFrameworkError(error), request.correlationId);
  void reply.status(status).send(body);
}

/** The API, ready to listen. */
export interface Api {
  application: NestFastifyApplication;
  /** Every route, as `METHOD /path/{parameter}`. */
  routes: () => string[];
}

/** Builds the API around its services; listening and closing are the caller's. */
export async function createApi(services: ApiServices): Promise<Api> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerBrokenAddress,
    rewriteUrl: ({ url = '/', headers }: RawRequest) => canonicalAddress(url, headers[REQUEST_PATH_HEADER]),
  });
  const fastify = adapter.getInstance();
  // Bodies are JSON and nothing else; Nest's own parser would take forms, and Fastify's takes plain text.
  fastify.removeContentTypeParser('text/plain');
  const allowedMethods = new AllowedMethods();
  allowedMethods.watch(fastify);
  addRequestContext(fastify, services.log);
  const application = await NestFactory.create<NestFastifyApplication>(ApiModule.around(services), adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  application.useGlobalGuards(new CallerGuard(services.verifier, new FrontDoor(services)));
  application.useGlobalFilters(new ErrorFilter(services.log, allowedMethods));
  await application.init();
  await fastify.ready();
  return { application, routes: () => allowedMethods.list() };
}
