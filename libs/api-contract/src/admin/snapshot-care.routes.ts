import { idParamsSchema } from '../route-parts';
import { groundsSchema, writeAnswerSchema, writeQuerySchema } from './admin.schema';

const write = { query: writeQuerySchema, answer: writeAnswerSchema } as const;

/** Care of a cluster's backups, beside what its schedules do. */
export const snapshotCareRoutes = {
  takeSnapshot: {
    method: 'POST',
    path: '/admin/clusters/{id}/snapshots',
    summary: 'Take a snapshot of one cluster now',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
  drillSnapshot: {
    method: 'POST',
    path: '/admin/snapshots/{id}/drill',
    summary: 'Prove one snapshot now by restoring it aside',
    role: 'operator',
    params: idParamsSchema,
    body: groundsSchema,
    ...write,
  },
} as const;
