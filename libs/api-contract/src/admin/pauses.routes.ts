import { idParamsSchema } from '../route-parts';
import { groundsSchema, writeAnswerSchema, writeQuerySchema } from './admin.schema';
import { pauseListSchema, pauseRequestSchema } from './pauses.schema';

const write = { query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** Standing still, for a time, by scope. */
export const pauseRoutes = {
  listPauses: {
    method: 'GET',
    path: '/admin/pauses',
    summary: 'List the pauses that hold now',
    role: 'viewer',
    answer: pauseListSchema,
  },
  pause: {
    method: 'POST',
    path: '/admin/pauses',
    summary: 'Let no worker take operations of a scope up, until a moment; what runs ends its step, and nothing is lost',
    role: 'lead',
    body: pauseRequestSchema,
    ...write,
  },
  resume: {
    method: 'POST',
    path: '/admin/pauses/{id}/resume',
    summary: 'Let operations go on before the time',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
} as const;
