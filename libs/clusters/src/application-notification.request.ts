import { systemClock, type Clock } from '@managed-consul/config';
import type { Operation as OperationRow, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { requestOperation, type Operation, type OperationRequest } from '@managed-consul/operations';
import {
  applicationSubject,
  OPERATION_KINDS,
  type RegisterInstallationInput,
  type RemoveInstallationInput,
} from './cluster-names';

/** What Azure said about a managed application; `body` is all of it, as it came. */
export interface ApplicationNews {
  applicationId: string;
  eventType: 'PUT' | 'PATCH' | 'DELETE';
  provisioningState: string;
  eventTime: Date;
  body: Prisma.InputJsonObject;
  correlationId: string;
}

/** Some of Azure's samples lack the leading slash; ids are compared in lower case. */
export const normaliseApplicationId = (applicationId: string): string => `/${applicationId.replace(/^\/+/, '')}`.toLowerCase();

/**
 * Which news call for work. `Accepted` comes before the application's own deployment has begun, `Failed` after it has come to
 * nothing: there is no place to run clusters in either.
 */
const needsWork = ({ eventType, provisioningState }: ApplicationNews): boolean =>
  eventType === 'DELETE' ? provisioningState !== 'Failed' : provisioningState === 'Succeeded';

const findUnfinished = (tx: Transaction, subject: string, lane: 'Change' | 'Delete'): Promise<OperationRow | null> =>
  tx.operation.findFirst({ where: { subject, lane, state: { in: ['Pending', 'Running'] } } });

/** Stores the row unless it is there; false when it was. Azure may send the same news more than once. */
async function storeOnce(tx: Transaction, news: ApplicationNews, applicationId: string): Promise<boolean> {
  const { eventType, provisioningState, eventTime, body } = news;
  const { count } = await tx.notification.createMany({
    data: [{ applicationId, eventType, provisioningState, eventTime, body }],
    skipDuplicates: true,
  });
  return count === 1;
}

/** News of one application are recorded one after the other, so that each sees what the one before it asked for. */
async function lockApplication(tx: Transaction, subject: string): Promise<void> {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${subject}, 0))::text`;
}

/** Azure sends news again after a 5xx, and never after a 4xx. */
const notNow = (cause?: unknown): AppError =>
  new AppError('ServiceUnavailable', 'Another operation on the managed application is not finished. Send the news again.', {
    retryAfterSeconds: 60,
    cause,
  });

/**
 * Records news of a managed application and, when they call for work, the operation that asks Azure what is true and acts on
 * it; the news themselves are only a reason to look. News that are known already, or that an unfinished operation will see,
 * ask for nothing new. Gives the subject to nudge, or undefined when nothing has to happen. Throws ServiceUnavailable, and
 * the transaction must then store nothing, when Azure has to tell it again: an application that is set up while its removal
 * is unfinished can be registered only after it.
 */
export async function recordApplicationNews(
  tx: Transaction,
  news: ApplicationNews,
  clock: Clock = systemClock,
): Promise<string | undefined> {
  const applicationId = normaliseApplicationId(news.applicationId);
  const subject = applicationSubject(applicationId);
  await lockApplication(tx, subject);
  if (!(await storeOnce(tx, news, applicationId)) || !needsWork(news)) return undefined;
  const lane = news.eventType === 'DELETE' ? 'Delete' : 'Change';
  if (lane === 'Change' && (await findUnfinished(tx, subject, 'Delete'))) throw notNow();
  const operation = (await findUnfinished(tx, subject, lane)) ?? (await requestWork(tx, news, applicationId, clock));
  const { eventType, provisioningState, eventTime } = news;
  await tx.notification.update({
    where: { applicationId_eventType_provisioningState_eventTime: { applicationId, eventType, provisioningState, eventTime } },
    data: { operationId: operation.id },
  });
  return subject;
}

/** Registering and removing share no step, so each is an operation of its own. Throws ServiceUnavailable if one is in the way. */
async function requestWork(tx: Transaction, news: ApplicationNews, applicationId: string, clock: Clock): Promise<Operation> {
  try {
    return await requestOperation(tx, requestOf(news, applicationId), clock);
  } catch (error) {
    throw error instanceof AppError && error.code === 'OperationInProgress' ? notNow(error) : error;
  }
}

function requestOf(news: ApplicationNews, applicationId: string): OperationRequest {
  const asked = {
    subject: applicationSubject(applicationId),
    requestedBy: 'azure/notification',
    correlationId: news.correlationId,
  };
  if (news.eventType === 'DELETE') {
    const input: RemoveInstallationInput = { applicationId };
    return { ...asked, kind: OPERATION_KINDS.removeInstallation, lane: 'Delete', input };
  }
  const input: RegisterInstallationInput = { from: 'notification', applicationId, eventType: news.eventType };
  return { ...asked, kind: OPERATION_KINDS.registerInstallation, lane: 'Change', input };
}
