import { toErrorResponse } from '@managed-consul/errors';
import { createHttpApplication, type HttpApplication } from '@managed-consul/http-api';
import type { Metrics } from '@managed-consul/observability';
import { ApiModule } from './api.module';
import type { ApiServices } from './api-services';
import { FrontDoor } from './hcs-api/front-door';
import { canonicalAddress, isHcsAddress, REQUEST_PATH_HEADER } from './hcs-api/hcs-address';
import { toHcsRefusal } from './hcs-api/hcs-refusal';
import { CallerGuard } from './http/caller.guard';

/** Builds the API around its services, ready to listen; listening and closing are the caller's. */
export const createApi = (services: ApiServices, metrics?: Metrics): Promise<HttpApplication> =>
  createHttpApplication({
    module: ApiModule.around(services),
    guard: new CallerGuard(services.verifier, new FrontDoor(services)),
    limiter: services.limiter,
    log: services.log,
    metrics,
    refusals: {
      hint: 'GET /openapi.json lists what there is.',
      toAnswer: ({ url, correlationId }, error) => (isHcsAddress(url) ? toHcsRefusal : toErrorResponse)(error, correlationId),
    },
    rewriteUrl: ({ url, headers }) => canonicalAddress(url, headers[REQUEST_PATH_HEADER]),
  });
