import { z } from 'zod';

export const consulVersionSchema = z
  .strictObject({
    version: z.string(),
    status: z.enum(['AVAILABLE', 'RECOMMENDED', 'PREVIEW', 'BLOCKED']),
    licence: z.string().meta({ description: 'SPDX id; MPL-2.0 may be offered to third parties, BUSL-1.1 is for own use.' }),
    blockedReason: z.string().nullable(),
    platforms: z.array(z.string()).meta({ description: 'Platforms for which the service holds a verified program.' }),
  })
  .meta({ id: 'ConsulVersion' });
export const consulVersionListSchema = z.strictObject({ value: z.array(consulVersionSchema) }).meta({ id: 'ConsulVersionList' });

export const regionSchema = z
  .strictObject({
    name: z.string(),
    displayName: z.string(),
    geography: z.string(),
    availabilityZones: z.boolean(),
    open: z.boolean().meta({ description: 'Closed regions refuse new clusters.' }),
  })
  .meta({ id: 'Region' });
export const regionListSchema = z.strictObject({ value: z.array(regionSchema) }).meta({ id: 'RegionList' });

export const planSchema = z
  .strictObject({
    id: z.string(),
    displayName: z.string(),
    description: z.string(),
    currency: z.string(),
    hourlyMicros: z
      .record(z.string(), z.int())
      .meta({ description: 'Price of a cluster hour by number of servers, in millionths of the currency.' }),
    open: z.boolean(),
  })
  .meta({ id: 'Plan' });
export const planListSchema = z.strictObject({ value: z.array(planSchema) }).meta({ id: 'PlanList' });
