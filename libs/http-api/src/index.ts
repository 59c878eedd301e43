/**
 * What every HTTP interface of the service does the same way: correlation ids, input by schema, pages, Idempotency-Key, errors as
 * ARM's envelope, and a Nest application around all of it. Knows no route; who may do what is the business of each interface.
 */
export { examineInput, readId, readInput, readNothing, type ExaminedInput } from './contract-input';
export { createHttpApplication, type HttpApplication, type HttpApplicationOptions } from './http-application';
export { bearerTokenOf, FromRequester, isPublic, Public } from './caller';
export { examineHealth } from './health';
export { isoOf, showStep } from './operation-step.view';
export { creationPosition, pageOf, readPageRequest, writeCreation, type PagedList, type PageRequest } from './pages';
export { repeatableOf } from './repeatable';
export { RequestLimiter, type Allowance } from './request-limiter';
export { translateError } from './request-errors';
