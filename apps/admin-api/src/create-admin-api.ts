import { adminRoutes } from '@managed-consul/api-contract';
import { toErrorResponse } from '@managed-consul/errors';
import { createHttpApplication, type HttpApplication } from '@managed-consul/http-api';
import type { Metrics } from '@managed-consul/observability';
import { AdminApiModule } from './admin-api.module';
import type { AdminServices } from './admin-services';
import { FORM_ADDRESSES } from './fleet-page/fleet-page.controller';
import { OperatorGuard, OUTSIDE_HINT } from './http/operator.guard';
import { addQueueBoard } from './queue-board/queue-board';

/** Throws when a handler is in no contract, or a contract has no handler: neither would be held to a role. */
function compareWithContract(offered: readonly string[]): void {
  const promised = new Set(Object.values(adminRoutes).map(({ method, path }) => `${method} ${path}`));
  const answered = new Set(offered.filter((route) => route.includes(' /admin') && !route.startsWith('HEAD ')));
  const lone = [...promised, ...answered].filter((route) => !promised.has(route) || !answered.has(route));
  if (lone.length > 0) throw new Error(`Routes and contract of the operators' API differ in: ${lone.join(', ')}`);
}

/** Builds the operators' API around its services, ready to listen; listening and closing are the caller's. */
export async function createAdminApi(services: AdminServices, metrics?: Metrics): Promise<HttpApplication> {
  const api = await createHttpApplication({
    module: AdminApiModule.around(services),
    guard: new OperatorGuard(services),
    limiter: services.limiter,
    log: services.log,
    metrics,
    formAddresses: FORM_ADDRESSES,
    extend: (fastify) => addQueueBoard(fastify, services),
    refusals: { hint: OUTSIDE_HINT, toAnswer: ({ correlationId }, error) => toErrorResponse(error, correlationId) },
  });
  compareWithContract(api.routes());
  return api;
}
