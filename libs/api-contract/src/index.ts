/**
 * The customers' API, said once: a zod schema for every request and answer, the list of routes, and what follows from them
 * (types, the OpenAPI document, a typed client). Shapes only: what is known, taken or allowed is the business of the domain
 * libraries. Knows no database and no framework, so that a browser may import it.
 */
export { adminRoutes, type AdminRoute, type AdminRouteName } from './admin/admin.routes';
export * from './admin/admin.schema';
export * from './admin/azure.schema';
export * from './admin/billing.schema';
export * from './admin/break-glass.schema';
export * from './admin/cluster-care.schema';
export * from './admin/diagnostics.schema';
export * from './admin/pauses.schema';
export * from './admin/rollouts.schema';
export * from './admin/tenants.schema';
export * from './audit.schema';
export * from './catalogue.schema';
export * from './client-bundle.schema';
export * from './cluster.schema';
export * from './error.schema';
export * from './federation.schema';
export * from './hcs/hcs-answers.schema';
export { HCS_PROVIDER_PATH, hcsOperations } from './hcs/hcs-operations';
export * from './installation.schema';
export * from './notification.schema';
export * from './operation.schema';
export * from './operation-result.schema';
export * from './preflight.schema';
export * from './primitives.schema';
export * from './restore.schema';
export * from './rotation.schema';
export * from './servers.schema';
export * from './snapshot.schema';
export * from './upgrade.schema';
export * from './usage.schema';
export type { AnswerContract, RouteContract } from './route-contract';
export { idParamsSchema } from './route-parts';
export { routes, type RouteName } from './routes';
export { buildAdminOpenApiDocument, buildOpenApiDocument } from './openapi';
export { ApiError, createApiClient, type Answer, type ApiClient, type ApiClientOptions, type CallOptions } from './client';
