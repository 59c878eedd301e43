import { z } from 'zod';
import { idParamsSchema } from '../route-parts';
import { rotationTargetSchema } from '../rotation.schema';
import { groundsSchema } from './admin.schema';

export const rotateClusterSchema = groundsSchema.extend({ what: rotationTargetSchema });

/** Where a failed peer was; without a port. */
export const removePeerSchema = groundsSchema.extend({ address: z.ipv4() });

export const clusterServerParamsSchema = idParamsSchema.extend({ server: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/) });
