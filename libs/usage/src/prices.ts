import type { Database, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { hourAfter } from './hour';
import { dimensionsSchema, type PriceDimension, type PriceDimensionInput } from './price';

/** A price of a plan as it is stored, checked. */
export interface Price {
  readonly id: string;
  readonly planId: string;
  readonly validFrom: Date;
  readonly currency: string;
  readonly dimensions: readonly PriceDimension[];
}

type Row = Prisma.PlanPriceGetPayload<object>;

const readPrice = ({ id, planId, validFrom, currency, dimensions }: Row): Price => ({
  ...{ id, planId, validFrom, currency, dimensions: dimensionsSchema.parse(dimensions) },
});

/** The prices of those ids. */
export async function pricesById(
  { prisma }: { prisma: Database['prisma'] | Transaction },
  ids: readonly string[],
): Promise<Map<string, Price>> {
  const rows = await prisma.planPrice.findMany({ where: { id: { in: [...ids] } } });
  return new Map(rows.map((row) => [row.id, readPrice(row)]));
}

/** The price of a plan at a moment: the last that began, or its first. Undefined for a plan without any. */
export async function priceAt({ prisma }: Pick<Database, 'prisma'>, planId: string, at: Date): Promise<Price | undefined> {
  const begun = await prisma.planPrice.findFirst({ where: { planId, validFrom: { lte: at } }, orderBy: { validFrom: 'desc' } });
  const row = begun ?? (await prisma.planPrice.findFirst({ where: { planId }, orderBy: { validFrom: 'asc' } }));
  return row ? readPrice(row) : undefined;
}

export interface PriceWish {
  readonly planId: string;
  /** A whole second, not in an hour that is in the ledger already. */
  readonly validFrom: Date;
  readonly currency: string;
  readonly dimensions: readonly PriceDimensionInput[];
}

/**
 * Adds a price that holds from a moment on. Throws InvalidPrice, and ResourceNotFound for a plan that does not exist.
 */
export async function addPrice(tx: Transaction, { planId, validFrom, currency, dimensions }: PriceWish): Promise<Price> {
  const checked = dimensionsSchema.safeParse(dimensions);
  if (!checked.success) throw new AppError('InvalidPrice', checked.error.issues[0]?.message ?? '', { target: 'dimensions' });
  if (validFrom.getTime() % 1000 !== 0)
    throw new AppError('InvalidPrice', 'A price begins with a whole second.', { target: 'validFrom' });
  if (!(await tx.plan.findUnique({ where: { id: planId } }))) throw new AppError('ResourceNotFound', 'There is no such plan.');
  // Whoever closes an hour meanwhile waits, or is waited for.
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtext('usage-ledger'))::text`;
  const last = await tx.usageHour.findFirst({ orderBy: { hour: 'desc' } });
  const billedWithout = (await tx.planPrice.count({ where: { planId } })) > 0;
  if (last && billedWithout && validFrom < hourAfter(last.hour))
    throw new AppError('InvalidPrice', 'The price would begin in an hour that is billed already.', { target: 'validFrom' });
  if (await tx.planPrice.findUnique({ where: { planId_validFrom: { planId, validFrom } } }))
    throw new AppError('InvalidPrice', 'Another price of the plan begins at that moment.', { target: 'validFrom' });
  return readPrice(await tx.planPrice.create({ data: { planId, validFrom, currency, dimensions: checked.data } }));
}
