import { z } from 'zod';
import * as answers from './hcs-answers.schema';
import { hcsBooleanSchema, hcsClusterPropertiesSchema } from './hcs-answers.schema';

const text = z.string().optional();
/** Every action's body names the installation; `resourceGroup` is a name or a full id. What a body has beyond is passed over. */
const action = z.object({ subscriptionId: text, resourceGroup: text });
const snapshotAction = action.extend({ snapshotId: text });

const notificationBody = z.object({
  eventType: text,
  applicationId: text,
  eventTime: text,
  provisioningState: text,
  applicationDefinitionId: text,
  error: z.object({ code: text, message: text }).optional(),
  billingDetails: z.object({ resourceUsageId: text }).optional(),
  plan: z.object({ publisher: text, product: text, name: text, version: text }).optional(),
});
const creation = action.extend({
  name: text,
  properties: z.object(hcsClusterPropertiesSchema.shape).optional(),
  id: text,
  type: text,
});
const auditLogging = z.object({ enabled: hcsBooleanSchema.optional(), storageContainerUrl: text });
const update = action.extend({
  update: z.object({ consulVersion: text, auditLogging: auditLogging.optional() }).optional(),
  sourceChannel: text,
});

/** Under which every operation but the notification lives: Azure forwards what it gets there. */
export const HCS_PROVIDER_PATH =
  '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroup}/providers/Microsoft.CustomProviders/resourceProviders/public';

const empty = z.strictObject({});
const post = <Body extends z.ZodType, Answer extends z.ZodType>(name: string, body: Body, answer: Answer) =>
  ({ method: 'POST', path: `${HCS_PROVIDER_PATH}/${name}`, body, answer }) as const;
const clusters = `${HCS_PROVIDER_PATH}/consulClusters`;
const cluster = `${clusters}/{name}`;

/** The 20 operations of the HCS API 2021-04-23, by the names its document gives them. */
export const hcsOperations = {
  ResourceNotification: { method: 'POST', path: '/notifications/resource', body: notificationBody, answer: empty },
  ListClusters: { method: 'GET', path: clusters, answer: answers.hcsClusterListSchema },
  GetCluster: { method: 'GET', path: cluster, answer: answers.hcsClusterSchema },
  CreateCluster: { method: 'PUT', path: cluster, body: creation, answer: answers.hcsClusterSchema },
  DeleteCluster: { method: 'DELETE', path: cluster, answer: empty },
  UpdateCluster: post('update', update, answers.hcsOperationAnswerSchema),
  ListConsulUpgradeVersions: post('listConsulUpgradeVersions', action, answers.hcsUpgradeVersionsSchema),
  CreateSnapshot: post('createSnapshot', action.extend({ name: text }), answers.hcsCreatedSnapshotSchema),
  GetSnapshot: post('getSnapshot', snapshotAction, answers.hcsSnapshotAnswerSchema),
  ListSnapshots: post('listSnapshots', action, answers.hcsSnapshotListSchema),
  RenameSnapshot: post('renameSnapshot', snapshotAction.extend({ name: text }), answers.hcsSnapshotAnswerSchema),
  DeleteSnapshot: post('deleteSnapshot', snapshotAction, answers.hcsOperationAnswerSchema),
  RestoreSnapshot: post(
    'restoreSnapshot',
    snapshotAction.extend({ takeSnapshot: hcsBooleanSchema.optional() }),
    answers.hcsOperationAnswerSchema,
  ),
  CreateToken: post('createToken', action, answers.hcsCreatedTokenSchema),
  CreateFederationToken: post('createFederationToken', action, answers.hcsCreatedFederationTokenSchema),
  GetFederation: post('getFederation', action, answers.hcsFederationSchema),
  GetConfig: post('config', action, answers.hcsConfigSchema),
  GetOperation: post('operation', action.extend({ operationId: text }), answers.hcsOperationAnswerSchema),
  GetBillingInfo: post('billingInfo', action, answers.hcsBillingInfoSchema),
  GetBillingReport: post('billingReport', action.extend({ month: text }), answers.hcsBillingReportSchema),
} as const;
