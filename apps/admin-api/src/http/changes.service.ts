import { createParamDecorator, Inject, Injectable, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  answerOnce,
  type OperatorGrounds,
  type RepeatableRequest,
  type Requester,
  type StoredAnswer,
} from '@managed-consul/access';
import { writeQuerySchema } from '@managed-consul/api-contract';
import type { Prisma, Transaction } from '@managed-consul/database';
import { carryOut, findPending, type Change } from '@managed-consul/fleet';
import { readInput, repeatableOf } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';

/** A write of an operator: who sent it, whether it may be a repetition, and whether it is only to be shown what it would do. */
export interface SentChange {
  requester: Requester;
  repeatable: RepeatableRequest | undefined;
  dryRun: boolean;
}

/** Caller, Idempotency-Key and `dryRun` of the request, as a handler's parameter. Throws InvalidRequest. */
export const FromSender = createParamDecorator((_: unknown, context: ExecutionContext): SentChange => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  if (!request.requester) throw new Error('A handler that needs a caller is marked public.');
  const dryRun = readInput(writeQuerySchema, request.query).dryRun === 'true';
  const repeatable = repeatableOf(request);
  // What would be done now is not what would be done then: a dry run neither uses a key up nor answers from one.
  return { requester: request.requester, repeatable: dryRun ? undefined : repeatable, dryRun };
});

/** Plans a change and carries it out in one transaction, once for an Idempotency-Key, with its audit event first. */
@Injectable()
export class ChangesService {
  readonly #services: AdminServices;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices) {
    this.#services = services;
  }

  async make(
    { requester, repeatable, dryRun }: SentChange,
    { reason, ticket }: Pick<OperatorGrounds, 'reason' | 'ticket'>,
    plan: (tx: Transaction) => Promise<Change>,
  ): Promise<Prisma.JsonObject> {
    const answer = await answerOnce(this.#services.database, requester, repeatable, async (tx): Promise<StoredAnswer> => {
      const outcome = await carryOut(tx, requester, { reason, ticket }, await plan(tx), { dryRun });
      return { status: 200, body: outcome as unknown as Prisma.JsonObject };
    });
    return answer.body;
  }

  /** The same for a change that asks for an operation on `subject`. Rings behind the commit; what is not heard is rung again by the sweeper. */
  async makeAndRing(
    sent: SentChange,
    grounds: Pick<OperatorGrounds, 'reason' | 'ticket'>,
    subject: string,
    plan: (tx: Transaction) => Promise<Change>,
  ): Promise<Prisma.JsonObject> {
    const answer = await this.make(sent, grounds, plan);
    const { database, bell } = this.#services;
    const operation = sent.dryRun ? null : await findPending(database, subject);
    if (operation) void bell.ring(operation);
    return answer;
  }
}
