import { z } from 'zod';

export const scaleRequestSchema = z
  .strictObject({ servers: z.int().meta({ description: 'Consul servers that there shall be: 1, 3 or 5.' }) })
  .meta({ id: 'ScaleRequest', description: 'Servers are added and removed one at a time; the cluster works on meanwhile.' });

export const resizeRequestSchema = z
  .strictObject({ vmSize: z.string().meta({ description: 'Azure machine size that every server shall have.' }) })
  .meta({ id: 'ResizeRequest', description: 'Servers are replaced one at a time; the cluster works on meanwhile.' });
