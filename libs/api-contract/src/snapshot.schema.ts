import { z } from 'zod';
import { drillSchema } from './cluster.schema';
import { operationSchema } from './operation.schema';
import { identifierSchema, pageOf, pageQuerySchema, timestampSchema } from './primitives.schema';

export const snapshotKindSchema = z.enum(['SCHEDULED', 'MANUAL', 'SAFETY', 'FINAL']);
export const snapshotStateSchema = z.enum(['QUEUED', 'CREATING', 'VERIFIED', 'FAILED', 'DELETING']);

const snapshotNameSchema = z.string().meta({
  description:
    'At most 64 letters, digits, spaces, dots, hyphens and underscores; unlike those of the other snapshots of the cluster.',
});

/** The cluster as it was when the snapshot was taken: what a clone needs to know once the cluster is gone. */
const snapshotClusterSchema = z
  .strictObject({
    name: z.string().nullable(),
    datacenter: z.string().nullable(),
    region: z.string().nullable(),
    servers: z.int().nullable(),
    vmSize: z.string().nullable(),
  })
  .meta({ id: 'SnapshotCluster' });

export const snapshotSchema = z
  .strictObject({
    id: identifierSchema,
    clusterId: identifierSchema.meta({ description: 'The cluster that it was taken of; it may be gone.' }),
    installationId: identifierSchema,
    name: z.string(),
    kind: snapshotKindSchema,
    state: snapshotStateSchema,
    requestedBy: z.string(),
    consulVersion: z.string().nullable().meta({ description: 'It can be restored to this version and newer ones.' }),
    cluster: snapshotClusterSchema,
    sizeBytes: z.int().nullable().meta({ description: 'Of the archive as Consul gave it.' }),
    sha256: z.string().nullable().meta({ description: 'Of the archive as Consul gave it, in hex.' }),
    storedBytes: z.int().nullable().meta({ description: 'Of the encrypted blob.' }),
    storedSha256: z.string().nullable().meta({ description: 'Of the encrypted blob, in hex.' }),
    location: z
      .strictObject({ storageAccountName: z.string(), containerName: z.string(), blobName: z.string() })
      .nullable()
      .meta({ description: "Where the encrypted blob lies in the installation's resource group." }),
    raftIndex: z.int().nullable(),
    raftTerm: z.int().nullable(),
    lastDrill: drillSchema.nullable(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    createdAt: timestampSchema,
    verifiedAt: timestampSchema.nullable(),
    expiresAt: timestampSchema.meta({ description: 'When its retention ends; the last good one of a living cluster stays.' }),
  })
  .meta({ id: 'Snapshot' });
export type SnapshotBody = z.infer<typeof snapshotSchema>;

export const snapshotListQuerySchema = pageQuerySchema.extend({ installationId: identifierSchema.optional() });
export const snapshotListSchema = pageOf(snapshotSchema).meta({ id: 'SnapshotList' });

export const createSnapshotRequestSchema = z
  .strictObject({ name: snapshotNameSchema.optional() })
  .meta({ id: 'CreateSnapshotRequest', description: 'Without a name it is named by its kind and time.' });

export const updateSnapshotRequestSchema = z.strictObject({ name: snapshotNameSchema }).meta({ id: 'UpdateSnapshotRequest' });

export const acceptedSnapshotSchema = z
  .strictObject({ snapshot: snapshotSchema, operation: operationSchema })
  .meta({ id: 'AcceptedSnapshot' });

/** What `createSnapshotLink` leads to. Whoever has it has every token that the cluster had at that time. */
export const snapshotLinkSchema = z
  .strictObject({
    snapshotId: identifierSchema,
    url: z.string().meta({ description: 'Address of the encrypted snapshot; works without a token until expiresAt.' }),
    contentKey: z.string().meta({ description: 'Key that the file is encrypted with: 32 bytes in base64.' }),
    expiresAt: timestampSchema,
    storedSha256: z.string().meta({ description: 'Of the file at the address, in hex.' }),
    sha256: z.string().meta({ description: 'Of the archive inside, in hex.' }),
    howToDecrypt: z.string(),
  })
  .meta({ id: 'SnapshotLink' });
