import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { adminRoutes, type AdminRoute } from '@managed-consul/api-contract';
import { AppError } from '@managed-consul/errors';
import { bearerTokenOf, isPublic } from '@managed-consul/http-api';
import type { AdminServices } from '../admin-services';
import { roleOf, suffices } from '../operators';

/** Said to whoever meets nothing, so that an outsider cannot tell a route from none. */
export const OUTSIDE_HINT = 'Check the address.';

const contracts: readonly AdminRoute[] = Object.values(adminRoutes);

/** The contract of the route that took the request. A HEAD is a GET without its body. */
function contractOf({ method, routeOptions }: FastifyRequest): AdminRoute | undefined {
  const path = routeOptions.url?.replaceAll(/:(\w+)/g, '{$1}');
  const verb = method === 'HEAD' ? 'GET' : method;
  return contracts.find((contract) => contract.method === verb && contract.path === path);
}

/**
 * Lets operators through whose role the route's contract asks for. For everybody else with a good token, a customer or an
 * operator of somebody else, there is nothing here.
 */
export class OperatorGuard implements CanActivate {
  readonly #services: AdminServices;

  constructor(services: AdminServices) {
    this.#services = services;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (isPublic(context)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await this.#services.verifier.verify(bearerTokenOf(request));
    const role = roleOf(this.#services.operators, caller);
    const contract = contractOf(request);
    if (!role || !contract) throw new AppError('RouteNotFound', `There is nothing at this address. ${OUTSIDE_HINT}`);
    if (!suffices(role, contract.role)) {
      throw new AppError('AuthorizationFailed', `This needs the role ${contract.role}; yours is ${role}.`);
    }
    request.requester = { ...caller, correlationId: request.correlationId };
    return true;
  }
}
