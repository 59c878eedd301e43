import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyPluginCallback } from 'fastify';
import { AppError, toErrorResponse } from '@managed-consul/errors';
import type { OperationJob } from '@managed-consul/operations';
import type { AdminServices } from '../admin-services';
import { signInPage } from '../fleet-page/fleet-page';
import { answerPage } from '../fleet-page/fleet-page.controller';
import { roleOfRequest } from '../fleet-page/fleet-session';
import { OUTSIDE_HINT } from '../http/operator.guard';

const ADDRESS = '/fleet/queue';

/** Its own scripts and nothing from elsewhere, its fonts among it; its styles stand in its elements. */
const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'",
  "connect-src 'self'; form-action 'none'; base-uri 'self'; frame-ancestors 'none'",
].join('; ');

/** Bull Board around the queue of the bells, to look and not to touch. */
function boardOf(queue: NonNullable<AdminServices['queue']>): FastifyPluginCallback {
  const board = new FastifyAdapter().setBasePath(ADDRESS);
  const bells = new BullMQAdapter(queue, { readOnlyMode: true });
  // Whatever a job may come to hold: no more of it than this is shown.
  bells.setFormatter('data', ({ operationId }: OperationJob) => ({ operationId }));
  bells.setFormatter('returnValue', () => null);
  const uiConfig = { boardTitle: 'Bells', hideRedisDetails: true, hideDocsLink: true };
  createBullBoard({ queues: [bells], serverAdapter: board, options: { uiConfig } });
  return board.registerPlugin();
}

/** Adds Bull Board for whoever has signed in to the page of the fleet. It takes no request that could change something. */
export function addQueueBoard(fastify: FastifyInstance, services: AdminServices): void {
  const { queue } = services;
  if (!queue) return;
  void fastify.register(
    async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        if ((await roleOfRequest(services, request)) === undefined) {
          answerPage(reply, 401, signInPage());
          return reply;
        }
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          const refusal = new AppError('RouteNotFound', `There is nothing at this address. ${OUTSIDE_HINT}`);
          const { status, body } = toErrorResponse(refusal, request.correlationId);
          return reply.status(status).send(body);
        }
        reply.headers({ 'content-security-policy': POLICY, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
        return undefined;
      });
      await scope.register(boardOf(queue));
    },
    { prefix: ADDRESS },
  );
}
