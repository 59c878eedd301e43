import { z } from 'zod';

/**
 * What the HCS API (version 2021-04-23) answers. Strict: a field that the API does not have is a mistake of ours. Every field may
 * be left out, as its clients expect of one that has no value. 64-bit integers travel as strings of digits, times as RFC 3339.
 */
const text = z.string().optional();
const number = z.number().optional();
const time = z.iso.datetime({ offset: true }).optional();
const int64 = z
  .string()
  .regex(/^-?\d+$/)
  .optional();

export const hcsBooleanSchema = z.enum(['FALSE', 'TRUE']);
const detail = z.strictObject({ typeUrl: text, value: z.base64().optional() });

/** How every HCS operation refuses: `code` is one of gRPC's status numbers. */
export const hcsStatusSchema = z.strictObject({ code: z.int32().optional(), message: text, details: z.array(detail).optional() });
/** The same from the gateway in front of the API, for every status that the operations do not describe themselves. */
export const hcsGatewayErrorSchema = hcsStatusSchema.extend({ error: text });

const operation = z.strictObject({
  id: text,
  state: z.enum(['PENDING', 'RUNNING', 'DONE']).optional(),
  error: hcsStatusSchema.optional(),
  response: detail.optional(),
});
/** What every operation that takes long answers at once, and `operation` later. */
export const hcsOperationAnswerSchema = z.strictObject({ operation: operation.optional() });

export const hcsClusterPropertiesSchema = z.strictObject({
  state: z.enum(['UNSET', 'PENDING', 'CREATING', 'RUNNING', 'FAILED', 'DELETING']).optional(),
  storageAccountName: text,
  blobContainerName: text,
  storageAccountResourceGroup: text,
  location: text,
  consulInitialVersion: text,
  consulCurrentVersion: text,
  consulDatacenter: text,
  consulNumServers: text,
  consulAutomaticUpgrades: text,
  consulExternalEndpoint: text,
  consulSnapshotInterval: text,
  consulSnapshotRetention: text,
  consulExternalEndpointUrl: text,
  managedAppId: text,
  consulConfigFile: text,
  consulCaFile: text,
  consulConnect: text,
  consulVnetCidr: text,
  consulClusterMode: z.enum(['PRODUCTION', 'DEVELOPMENT']).optional(),
  consulPrivateEndpointUrl: text,
  consulClusterId: text,
  email: text,
  federationToken: text,
  vnetName: text,
  sourceChannel: text,
  auditLoggingEnabled: hcsBooleanSchema.optional(),
  managedIdentity: text,
  auditLogStorageContainerURL: text,
});
export const hcsClusterSchema = z.strictObject({
  id: text,
  name: text,
  type: text,
  properties: hcsClusterPropertiesSchema.optional(),
});
export const hcsClusterListSchema = z.strictObject({ value: z.array(hcsClusterSchema).optional() });

const snapshot = z.strictObject({
  id: text,
  name: text,
  type: text,
  state: text,
  size: int64,
  productVersion: text,
  restoredAt: time,
  requestedAt: time,
  finishedAt: time,
});
export const hcsSnapshotAnswerSchema = z.strictObject({ snapshot: snapshot.optional() });
export const hcsSnapshotListSchema = z.strictObject({ snapshots: z.array(snapshot).optional() });
export const hcsCreatedSnapshotSchema = z.strictObject({ operation: operation.optional(), snapshotId: text });

export const hcsCreatedTokenSchema = z.strictObject({
  masterToken: z.strictObject({ accessorId: text, secretId: text }).optional(),
});
export const hcsConfigSchema = z.strictObject({ caFile: text, clientConfig: text });
export const hcsUpgradeVersionsSchema = z.strictObject({
  versions: z
    .array(z.strictObject({ version: text, status: z.enum(['AVAILABLE', 'RECOMMENDED', 'PREVIEW']).optional() }))
    .optional(),
});

export const hcsCreatedFederationTokenSchema = z.strictObject({ federationToken: text });
const federated = z.strictObject({ id: text, name: text, subscriptionId: text, resourceGroup: text });
export const hcsFederationSchema = z.strictObject({
  primaryDatacenter: federated.optional(),
  secondaryDatacenters: z.array(federated).optional(),
  state: z.enum(['UNKNOWN', 'RUNNING', 'PRIMARY_DATACENTER_MISSING']).optional(),
});

const usage = z.strictObject({
  start: text,
  end: text,
  cost: number,
  details: z.array(z.strictObject({ plan: text, hours: number })).optional(),
});
const priceTiers = z.array(z.strictObject({ label: text, unitPrice: number })).optional();
const prices = z.strictObject({
  hourly: number,
  dimensions: z.array(z.strictObject({ minimum: z.int32().optional(), name: text, tiers: priceTiers })).optional(),
});
export const hcsBillingInfoSchema = z.strictObject({
  currentSettings: z.strictObject({ plan: text, activeSince: text, prices: prices.optional() }).optional(),
  usage: z
    .strictObject({ timePeriod: z.strictObject({ today: usage.optional(), thisMonth: usage.optional() }).optional() })
    .optional(),
});
const usedTiers = z.array(z.strictObject({ label: text, units: z.int32().optional() })).optional();
const billed = z.strictObject({
  start: text,
  end: text,
  plan: text,
  cost: number,
  dimensions: z.array(z.strictObject({ name: text, tiers: usedTiers })).optional(),
});
export const hcsBillingReportSchema = z.strictObject({ usage: z.array(billed).optional() });
