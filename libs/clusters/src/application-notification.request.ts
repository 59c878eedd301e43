import { systemClock, type Clock } from '@managed-consul/config';
import type { Operation as OperationRow, Prisma, Transaction } from '@managed-consul/database';
import { requestOperation, type Operation } from '@managed-consul/operations';
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

/**
 * Records news of a managed application and, when they call for work, the operation that asks Azure what is true and acts on
 * it; the news themselves are only a reason to look. News that are known already, or that an unfinished operation will see,
 * ask for nothing new. Gives the subject to nudge, or undefined when nothing has to happen.
 */
export async function recordApplicationNews(
  tx: Transaction,
  news: ApplicationNews,
  clock: Clock = systemClock,
): Promise<string | undefined> {
  const applicationId = normaliseApplicationId(news.applicationId);
  if (!(await storeOnce(tx, news, applicationId)) || !needsWork(news)) return undefined;
  const subject = applicationSubject(applicationId);
  const lane = news.eventType === 'DELETE' ? 'Delete' : 'Change';
  const deleting = await findUnfinished(tx, subject, 'Delete');
  const underWay = deleting ?? (await findUnfinished(tx, subject, lane));
  const operation = underWay ?? (await requestWork(tx, news, applicationId, clock));
  const { eventType, provisioningState, eventTime } = news;
  await tx.notification.update({
    where: { applicationId_eventType_provisioningState_eventTime: { applicationId, eventType, provisioningState, eventTime } },
    data: { operationId: operation.id },
  });
  return subject;
}

/** Registering and removing share no step, so each is an operation of its own. */
function requestWork(tx: Transaction, news: ApplicationNews, applicationId: string, clock: Clock): Promise<Operation> {
  const asked = {
    subject: applicationSubject(applicationId),
    requestedBy: 'azure/notification',
    correlationId: news.correlationId,
  };
  if (news.eventType === 'DELETE') {
    const input: RemoveInstallationInput = { applicationId };
    return requestOperation(tx, { ...asked, kind: OPERATION_KINDS.removeInstallation, lane: 'Delete', input }, clock);
  }
  const input: RegisterInstallationInput = { from: 'notification', applicationId, eventType: news.eventType };
  return requestOperation(tx, { ...asked, kind: OPERATION_KINDS.registerInstallation, lane: 'Change', input }, clock);
}
