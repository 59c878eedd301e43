import { recordAudit, type Requester } from '@managed-consul/access';
import { Prisma, type Budget, type BudgetNotice, type Database, type Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { isDecimal, type Amount } from './amount';
import { monthOf } from './hour';
import { readUsage, totalsOf } from './usage-report';

/** Percentages at which a notice is given, unless said. */
export const DEFAULT_THRESHOLDS: readonly number[] = [50, 80, 100];

export interface BudgetWish {
  /** Decimal text with at most 6 digits after the point, more than zero. */
  readonly amount: string;
  readonly thresholds?: readonly number[] | undefined;
}

/**
 * Sets what the customer does not want to exceed in a month. The caller's role has been looked at. Throws InvalidRequest.
 */
export async function setBudget(
  tx: Transaction,
  requester: Requester,
  installationId: string,
  { amount, thresholds = DEFAULT_THRESHOLDS }: BudgetWish,
): Promise<Budget> {
  if (!isDecimal(amount) || !/^\d{1,12}(\.\d{1,6})?$/.test(amount) || Number(amount) === 0)
    throw new AppError('InvalidRequest', 'Give an amount above zero, with at most 6 digits after the point.', {
      target: 'amount',
    });
  const ascending = [...new Set(thresholds)].sort((one, other) => one - other);
  const data = { amount: new Prisma.Decimal(amount), thresholds: ascending };
  const budget = await tx.budget.upsert({ where: { installationId }, create: { installationId, ...data }, update: data });
  await recordAudit(tx, requester, { action: 'set-budget', installationId, detail: { amount, thresholds: ascending } });
  return budget;
}

/** Takes a budget away. Notices that were given stay. */
export async function removeBudget(tx: Transaction, requester: Requester, installationId: string): Promise<void> {
  const { count } = await tx.budget.deleteMany({ where: { installationId } });
  if (count > 0) await recordAudit(tx, requester, { action: 'remove-budget', installationId, detail: {} });
}

/** The budget of an installation and the notices of all months, the newest first. */
export async function readBudget(
  { prisma }: Pick<Database, 'prisma'>,
  installationId: string,
): Promise<{ budget: Budget | null; notices: BudgetNotice[] }> {
  const [budget, notices] = await Promise.all([
    prisma.budget.findUnique({ where: { installationId } }),
    prisma.budgetNotice.findMany({ where: { installationId }, orderBy: [{ month: 'desc' }, { threshold: 'desc' }], take: 100 }),
  ]);
  return { budget, notices };
}

const reached = (budget: Budget, cost: Amount): number[] =>
  budget.thresholds.filter((threshold) => cost.reaches(threshold, budget.amount.toFixed()));

/**
 * Gives the notices that the month's cost calls for, each threshold once a month. Gives those that are new. To be called when
 * an hour has been closed; safe to call again.
 */
export async function giveBudgetNotices(database: Database, hour: Date, now: Date): Promise<BudgetNotice[]> {
  const span = monthOf(hour);
  const given: BudgetNotice[] = [];
  for (const budget of await database.prisma.budget.findMany()) {
    const { installationId, amount } = budget;
    // A budget is in the currency of most of the cost; another one began in a month in which the operator changed it.
    const [total] = totalsOf((await readUsage(database, installationId, span)).lines);
    if (!total) continue;
    const cost = new Prisma.Decimal(total.cost.toText(6));
    const data = reached(budget, total.cost).map((threshold) => ({
      ...{ installationId, month: span.from, threshold, cost, amount, givenAt: now },
    }));
    given.push(...(await database.prisma.budgetNotice.createManyAndReturn({ data, skipDuplicates: true })));
  }
  return given;
}
