import { OPERATION_KINDS, USAGE_REPORT_SUBJECT, USAGE_SUBJECT, type OperationKind } from '@managed-consul/clusters';
import { hours, minutes, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import { requestOperation, type Bell, type Operation } from '@managed-consul/operations';
import { isSendingWanted } from '@managed-consul/usage-emission';
import { RepeatedLook } from './repeated-look';

export interface UsageSenderOptions {
  readonly database: Database;
  readonly bell: Bell;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/** Between two comparisons with what Azure says that it has. */
const COMPARE_EVERY: Milliseconds = hours(6);
/** After one that failed. */
const TRY_AGAIN: Milliseconds = minutes(30);

/** Asks for usage to be told to the Marketplace whenever there is some, and for its report to be compared a few times a day. Any number may run side by side: one is heard. */
export class UsageSender extends RepeatedLook {
  readonly #options: UsageSenderOptions;

  constructor(options: UsageSenderOptions) {
    const { every = minutes(1), log } = options;
    super({ every, log, trouble: 'usage for the Marketplace could not be looked for' });
    this.#options = options;
  }

  /** Gives the operations that it asked for: none when nothing is to be told and nothing to be compared, or that is under way. */
  async look(): Promise<Operation[]> {
    const { database, clock = systemClock } = this.#options;
    const now = clock.now();
    const asked: (Operation | undefined)[] = [];
    if (await isSendingWanted(database, now)) asked.push(await this.#request(OPERATION_KINDS.sendUsage, USAGE_SUBJECT));
    if (await this.#isComparisonDue(now)) asked.push(await this.#request(OPERATION_KINDS.compareUsage, USAGE_REPORT_SUBJECT));
    return asked.filter((one) => one !== undefined);
  }

  /** Azure's report changes for days; one that could not be read is asked for again sooner. */
  async #isComparisonDue(now: Date): Promise<boolean> {
    const { prisma } = this.#options.database;
    const ago = (length: Milliseconds): Date => new Date(now.getTime() - length);
    const recent = {
      OR: [{ createdAt: { gt: ago(TRY_AGAIN) } }, { createdAt: { gt: ago(COMPARE_EVERY) }, state: 'Succeeded' as const }],
    };
    if ((await prisma.operation.count({ where: { kind: OPERATION_KINDS.compareUsage, ...recent } })) > 0) return false;
    return (await prisma.usageEmission.findFirst({ select: { id: true } })) !== null;
  }

  async #request(kind: OperationKind, subject: string): Promise<Operation | undefined> {
    const { database, bell, clock = systemClock } = this.#options;
    const request = { kind, subject, lane: 'Change', input: {}, requestedBy: 'service' } as const;
    try {
      const requested = await database.prisma.$transaction((tx) => requestOperation(tx, request, clock));
      await bell.ring(requested);
      return requested;
    } catch (error) {
      if (error instanceof AppError && error.code === 'OperationInProgress') return undefined;
      throw error;
    }
  }
}
