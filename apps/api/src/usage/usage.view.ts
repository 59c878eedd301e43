import type { BudgetBody, EstimateBody, UsageReportBody, UsageSpanBody } from '@managed-consul/api-contract';
import { hourAfter, sumUsage, totalsOf, unitHours, type Estimate, type readBudget, type Usage } from '@managed-consul/usage';

const showMeasured = ({ span, measuredUntil, lines }: Usage) => ({
  from: span.from.toISOString(),
  to: span.to.toISOString(),
  measuredUntil: measuredUntil.toISOString(),
  totals: totalsOf(lines).map(({ currency, cost }) => ({ currency, cost: cost.toText() })),
});

/** A span by plan and meter. */
export const showUsage = (usage: Usage): UsageSpanBody => ({
  ...showMeasured(usage),
  details: sumUsage(usage.lines).map(({ planId, meter, dimension, quantity, currency, cost }) => ({
    ...{ plan: planId, meter, dimension, quantity: unitHours(meter, quantity), currency, cost: cost.toText() },
  })),
});

/** A span by hour and tier. */
export const showReport = (usage: Usage): UsageReportBody => ({
  ...showMeasured(usage),
  lines: usage.lines.map(({ hour, clusterId, planId, meter, dimension, quantity, seconds, currency, cost, tiers }) => ({
    ...{ start: hour.toISOString(), end: hourAfter(hour).toISOString(), clusterId, seconds },
    ...{ plan: planId, meter, dimension, quantity: unitHours(meter, quantity), currency, cost: cost.toText() },
    tiers: tiers.map(({ label, unitPrice, ...tier }) => ({
      ...{ label, unitPrice, quantity: unitHours(meter, tier.quantity), cost: tier.cost.toText() },
    })),
  })),
});

export const showEstimate = ({ currency, hourly, monthly, lines }: Estimate): EstimateBody => ({
  ...{ currency, hourly: hourly.toText(), monthly: monthly.toText() },
  lines: lines.map(({ meter, dimension, ...line }) => ({
    ...{ meter, dimension, hourly: line.hourly.toText(), monthly: line.monthly.toText() },
  })),
});

export const showBudget = ({ budget, notices }: Awaited<ReturnType<typeof readBudget>>): BudgetBody => ({
  amount: budget?.amount.toFixed(6) ?? null,
  thresholds: budget?.thresholds ?? [],
  notices: notices.map(({ month, threshold, cost, amount, givenAt }) => ({
    ...{ month: month.toISOString().slice(0, 7), threshold, cost: cost.toFixed(6), amount: amount.toFixed(6) },
    givenAt: givenAt.toISOString(),
  })),
});
