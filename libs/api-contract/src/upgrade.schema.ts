import { z } from 'zod';
import { timestampSchema } from './primitives.schema';

const consulVersionSchema = z.string().meta({ description: 'A Consul version out of GET /v1/versions, e.g. 1.10.12.' });

const reasonSchema = z.strictObject({ code: z.string(), message: z.string() });

export const upgradeHopSchema = z
  .strictObject({
    version: z.string(),
    warnings: z.array(reasonSchema).meta({ description: 'What changes for the users of Consul with this hop.' }),
  })
  .meta({ id: 'UpgradeHop', description: 'Every server goes to this version before the next hop begins.' });

export const upgradeVersionSchema = z
  .strictObject({
    version: z.string(),
    status: z.enum(['AVAILABLE', 'RECOMMENDED', 'PREVIEW', 'BLOCKED']),
    hops: z.array(upgradeHopSchema).meta({ description: 'The way there, the version itself last; empty when there is none.' }),
    obstacle: reasonSchema
      .nullable()
      .meta({ description: 'What a request for this version would be refused with; null if it would not.' }),
  })
  .meta({ id: 'UpgradeVersion' });
export const upgradeVersionListSchema = z
  .strictObject({ value: z.array(upgradeVersionSchema) })
  .meta({ id: 'UpgradeVersionList' });

export const upgradeRequestSchema = z.strictObject({ consulVersion: consulVersionSchema }).meta({ id: 'UpgradeRequest' });

export const upgradePreviewSchema = z
  .strictObject({
    from: z.array(z.string()).meta({ description: 'Versions that the servers run; several after an upgrade that failed.' }),
    to: z.string(),
    hops: z.array(upgradeHopSchema),
    serverOrder: z
      .array(z.string())
      .meta({ description: 'Names of the servers as each hop goes through them, the leader last.' }),
    canGoBack: z
      .boolean()
      .meta({ description: 'Whether a server that fails can be put back; else the safety snapshot is the way.' }),
    interruptsService: z.boolean().meta({ description: 'Whether the cluster cannot be used for a while: so with one server.' }),
    nextWindowOpensAt: timestampSchema
      .nullable()
      .meta({ description: 'Of automatic upgrades; one that is asked for does not wait.' }),
    obstacles: z.array(reasonSchema).meta({ description: 'Everything that stands in its way; empty when it can begin.' }),
  })
  .meta({ id: 'UpgradePreview', description: 'What an upgrade would do if it were asked for now.' });

export const deferUpgradesRequestSchema = z
  .strictObject({ until: timestampSchema.nullable().meta({ description: 'At most 60 days from now; null ends a deferral.' }) })
  .meta({ id: 'DeferUpgradesRequest' });
