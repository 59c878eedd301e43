import { Prisma, type Transaction, type UsageRecord } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

export interface CreditWish {
  /** The measured row that the customer is let off. */
  readonly recordId: bigint;
  /** How much of its time. */
  readonly seconds: number;
  readonly reason: string;
  /** Who gives it, e.g. `operator/<id>`. */
  readonly recordedBy: string;
  readonly now: Date;
}

const findRecord = async (tx: Transaction, id: bigint): Promise<UsageRecord> => {
  // Credits of one row are given one after the other, so that two of them cannot exceed it together.
  await tx.$queryRaw`SELECT FROM usage_records WHERE id = ${id} FOR UPDATE`;
  const record = await tx.usageRecord.findUnique({ where: { id } });
  if (record?.kind !== 'Measured') throw new AppError('ResourceNotFound', 'There is no such usage record.');
  return record;
};

/**
 * Lets a customer off some of the time of a measured row, and the same share of its quantity, by a row of its own. Throws
 * ResourceNotFound, InvalidRequest for a time that is no positive whole number, and CreditExceedsRecord for more than is left.
 */
export async function creditRecord(tx: Transaction, wish: CreditWish): Promise<UsageRecord> {
  const { recordId, seconds, reason, recordedBy, now } = wish;
  if (!Number.isSafeInteger(seconds) || seconds <= 0)
    throw new AppError('InvalidRequest', 'Give a positive number of whole seconds.', { target: 'seconds' });
  if (reason.trim() === '') throw new AppError('InvalidRequest', 'Say why.', { target: 'reason' });
  const record = await findRecord(tx, recordId);
  const { _sum } = await tx.usageRecord.aggregate({
    where: { OR: [{ id: recordId }, { correctsId: recordId }] },
    _sum: { seconds: true, quantity: true },
  });
  const left = { seconds: _sum.seconds ?? 0, quantity: BigInt((_sum.quantity ?? new Prisma.Decimal(0)).toFixed(0)) };
  if (seconds > left.seconds) {
    const message = `The record has ${left.seconds} seconds left to be let off.`;
    throw new AppError('CreditExceedsRecord', message, { target: 'seconds' });
  }
  const quantity = (left.quantity * BigInt(seconds)) / BigInt(left.seconds);
  const { clusterId, installationId, hour, meter, planId, priceId } = record;
  return tx.usageRecord.create({
    data: {
      ...{ kind: 'Credit', clusterId, installationId, hour, meter, planId, priceId },
      ...{ seconds: -seconds, quantity: new Prisma.Decimal(String(-quantity)) },
      ...{ correctsId: recordId, reason, recordedBy, recordedAt: now },
    },
  });
}
