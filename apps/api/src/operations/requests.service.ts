import { createParamDecorator, Inject, Injectable, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { answerOnce, type RepeatableRequest, type Requester, type StoredAnswer } from '@managed-consul/access';
import { getCluster, lockCluster, requireMatch } from '@managed-consul/clusters';
import type { Prisma, Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { repeatableOf } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { showOperation } from './operation.view';
import type { AcceptedAnswer } from './starts-operation';

/** A request that begins an operation: who sent it, whether it may be a repetition, and what it takes for granted. */
export interface SentRequest {
  requester: Requester;
  repeatable: RepeatableRequest | undefined;
  ifMatch: string | undefined;
}

/** Caller and headers of the request, as a handler's parameter. Throws InvalidRequest for an Idempotency-Key that is none. */
export const FromSender = createParamDecorator((_: unknown, context: ExecutionContext): SentRequest => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  if (!request.requester) throw new Error('A handler that needs a caller is marked public.');
  return { requester: request.requester, repeatable: repeatableOf(request), ifMatch: request.headers['if-match'] };
});

/** Something that was recorded: the operation, and what else the answer shows. */
export interface Accepted {
  operation: Operation;
  shown?: Prisma.JsonObject;
}

/** Records requests that begin operations: once for an Idempotency-Key, with the bell rung behind them. */
@Injectable()
export class RequestsService {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /**
   * Records what `record` asks for on a cluster. The caller's role is looked at before any stored answer, because an earlier
   * one may have been given to a role that is gone. Throws what `record` throws, ResourceNotFound, AuthorizationFailed,
   * PreconditionFailed, IdempotencyKeyReused.
   */
  async onCluster(sent: SentRequest, clusterId: string, record: (tx: Transaction) => Promise<Accepted>): Promise<AcceptedAnswer> {
    const { requester, ifMatch, repeatable } = sent;
    const { prisma } = this.#services.database;
    await getCluster(prisma, requester, clusterId, { needed: 'Contributor', deleted: repeatable !== undefined });
    return this.once(sent, async (tx) => {
      if (ifMatch !== undefined) requireMatch(ifMatch, await lockCluster(tx, requester, clusterId));
      return record(tx);
    });
  }

  /** The same for any request; whether the caller may see a stored answer is for the one who calls. */
  async once({ requester, repeatable }: SentRequest, record: (tx: Transaction) => Promise<Accepted>): Promise<AcceptedAnswer> {
    const { database, bell } = this.#services;
    const answer = await answerOnce(database, requester, repeatable, async (tx): Promise<StoredAnswer> => {
      const { operation, shown } = await record(tx);
      return { status: 202, body: { ...shown, operation: showOperation(operation) } };
    });
    const accepted = answer.body as unknown as AcceptedAnswer;
    // Not awaited: the operation is stored, and a bell that is not heard is rung again by the sweeper.
    void bell.ring({ id: accepted.operation.id, wakeNumber: 0 });
    return accepted;
  }
}
