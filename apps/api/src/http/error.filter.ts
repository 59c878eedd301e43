import { Catch, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, toErrorResponse } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import { isHcsAddress } from '../hcs-api/hcs-address';
import { toHcsRefusal } from '../hcs-api/hcs-refusal';
import type { AllowedMethods } from './allowed-methods';
import { translateError } from './request-errors';

/** The one place where an error becomes an answer: ARM's envelope or the HCS API's, the status of the code, and a log line when it is our fault. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #log: Logger;
  readonly #allowedMethods: AllowedMethods;

  constructor(log: Logger, allowedMethods: AllowedMethods) {
    this.#log = log;
    this.#allowedMethods = allowedMethods;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = exception instanceof NotFoundException ? this.#missing(request, reply) : translateError(exception);
    const { correlationId } = request;
    const refusal = isHcsAddress(request.url) ? toHcsRefusal : toErrorResponse;
    const { status, body, retryAfterSeconds } = refusal(error, correlationId);
    if (status >= 500) this.#log.error({ err: exception, correlationId, route: request.routeOptions.url }, 'Request failed');
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', Math.max(1, Math.ceil(retryAfterSeconds)));
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    void reply.status(status).send(body);
  }

  /** No handler took the request: either the address is wrong, or only the method. */
  #missing(request: FastifyRequest, reply: FastifyReply): AppError {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = this.#allowedMethods.of(path);
    if (methods.length === 0) {
      return new AppError('RouteNotFound', 'There is nothing at this address. GET /openapi.json lists what there is.');
    }
    void reply.header('allow', methods.join(', '));
    return new AppError('MethodNotAllowed', `This address takes ${methods.join(', ')}, not ${request.method}.`);
  }
}
