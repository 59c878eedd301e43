import { hourAfter, totalsOf, unitHours, tierLabel, type Price, type Usage, type UsageLine } from '@managed-consul/usage';

/** The API's numbers are floating-point; they are made at the very end, from decimal text. */
const costOfAll = (lines: readonly UsageLine[]): number => Number(totalsOf(lines)[0]?.cost.toText() ?? 0);

const isOfCluster = ({ meter }: UsageLine): boolean => meter.startsWith('cluster/');

/** Clock hours by plan, in which a cluster ran all the time or for some of it. */
export function showPeriod({ span, lines }: Usage) {
  const plans = [...new Set(lines.map(({ planId }) => planId))];
  const hours = (plan: string) =>
    lines.filter((line) => line.planId === plan && isOfCluster(line)).reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const details = plans.map((plan) => ({ plan, hours: hours(plan) }));
  return { start: span.from.toISOString(), end: span.to.toISOString(), cost: costOfAll(lines), details };
}

/** What the plan asks for beside the hour of a cluster. */
export const showDimensions = ({ dimensions }: Price) =>
  dimensions
    .filter(({ meter }) => !meter.startsWith('cluster'))
    .map(({ name, minimum, tiers }) => ({
      ...{ name, minimum },
      tiers: tiers.map(({ unitPrice }, index) => ({ label: tierLabel(tiers, index), unitPrice: Number(unitPrice) })),
    }));

const showTiers = (lines: readonly UsageLine[]) =>
  lines.flatMap(({ meter, tiers }) =>
    tiers.map(({ label, quantity }) => ({ label, units: Number(unitHours(meter, quantity, 0)) })),
  );

/** One entry for each plan in each clock hour. */
export function showHours({ lines }: Usage) {
  const entries = Map.groupBy(lines, ({ hour, planId }) => `${hour.toISOString()} ${planId}`);
  return [...entries.values()].map((entry) => {
    const [first] = entry;
    if (!first) throw new Error('A group is never empty.');
    const names = Map.groupBy(entry, ({ dimension, meter }) => dimension ?? meter);
    return {
      ...{
        start: first.hour.toISOString(),
        end: hourAfter(first.hour).toISOString(),
        plan: first.planId,
        cost: costOfAll(entry),
      },
      dimensions: [...names].map(([name, of]) => ({ name, tiers: showTiers(of) })),
    };
  });
}
