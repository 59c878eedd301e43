import type { FastifyInstance } from 'fastify';
import type { Metrics } from '@managed-consul/observability';

const MILLISECONDS = 1000;
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Spreads the duration of requests by method, template of the route, and status: never an address, which names customers. */
export function addRequestMetrics(fastify: FastifyInstance, metrics: Metrics): void {
  const durations = metrics.histogram(
    'managed_consul_http_request_duration_seconds',
    'Time from the first byte of a request to the end of its answer.',
    ['method', 'route', 'status'],
    BUCKETS,
  );
  fastify.addHook('onResponse', (request, reply, next) => {
    const { url: route } = request.routeOptions;
    // Whatever somebody types where there is no route is one series, not one for each method that they make up.
    const labels = route === undefined ? { method: 'any', route: 'none' } : { method: request.method, route };
    durations.note(reply.elapsedTime / MILLISECONDS, { ...labels, status: String(reply.statusCode) });
    next();
  });
}
