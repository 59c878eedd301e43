import type { CoverageBody, CreditBody, UsageEmissionBody, UsageRecordBody } from '@managed-consul/api-contract';
import type { UsageCredit, UsageEmission, UsageMismatch, UsageRecord } from '@managed-consul/database';
import { isoOf } from '@managed-consul/http-api';
import type { Coverage } from '@managed-consul/usage';

const showMeasure = ({ seconds, quantity }: { seconds: number; quantity: bigint }) => ({ seconds, quantity: String(quantity) });

export const showCoverage = ({ openHours, uncounted, mismatched }: Coverage): CoverageBody => ({
  openHours: openHours.map((hour) => hour.toISOString()),
  uncounted: uncounted.map(({ hour, clusterId }) => ({ hour: hour.toISOString(), clusterId })),
  mismatched: mismatched.map(({ hour, clusterId, meter, recordId, recorded, computed }) => ({
    ...{ hour: hour.toISOString(), clusterId, meter, recordId: recordId === null ? null : String(recordId) },
    ...{ recorded: showMeasure(recorded), computed: showMeasure(computed) },
  })),
});

export const showUsageRecord = ({ priceId: _, ...record }: UsageRecord): UsageRecordBody => ({
  ...record,
  id: String(record.id),
  hour: record.hour.toISOString(),
  quantity: record.quantity.toFixed(),
  correctsId: record.correctsId === null ? null : String(record.correctsId),
  recordedAt: record.recordedAt.toISOString(),
});

export const showUsageEmission = (emission: UsageEmission): UsageEmissionBody => ({
  id: emission.id,
  installationId: emission.installationId,
  resourceId: emission.resourceId,
  dimension: emission.dimension,
  hour: emission.hour.toISOString(),
  planId: emission.planId,
  quantity: emission.quantity.toFixed(),
  carriedQuantity: emission.carriedQuantity.toFixed(),
  acceptedQuantity: emission.acceptedQuantity?.toFixed() ?? null,
  state: emission.state,
  attempts: emission.attempts,
  nextTryAt: emission.nextTryAt.toISOString(),
  usageEventId: emission.usageEventId,
  problem: emission.problem,
  settledAt: isoOf(emission.settledAt),
});

export const showUsageMismatch = (mismatch: UsageMismatch) => ({
  day: mismatch.day.toISOString().slice(0, 10),
  resourceId: mismatch.resourceId,
  dimension: mismatch.dimension,
  sentQuantity: mismatch.sentQuantity.toFixed(),
  submittedQuantity: mismatch.submittedQuantity.toFixed(),
  processedQuantity: mismatch.processedQuantity.toFixed(),
  reconStatus: mismatch.reconStatus,
  foundAt: mismatch.foundAt.toISOString(),
});

/** A credit that takes two persons. */
export const showCredit = ({ startsAt, amount, requestedAt, decidedAt, ...credit }: UsageCredit): CreditBody => ({
  ...credit,
  from: startsAt.toISOString(),
  amount: amount.toFixed(6),
  requestedAt: requestedAt.toISOString(),
  decidedAt: decidedAt?.toISOString() ?? null,
});
