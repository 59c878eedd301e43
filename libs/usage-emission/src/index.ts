/**
 * Telling Azure what the ledger holds: one event for a resource, dimension and clock hour, written down before it is sent, sent
 * until it has an answer, and compared with Azure's own report. Knows no workflow and not how Azure is reached.
 */
export { collectOwedUsage, type Collected } from './collect-owed-usage';
export type { EventOutcome, EventToSend, MeteringService, ReportedDay } from './metering-service';
export { readOwedUsage, sendParkedAgain, type OwedUsage } from './owed-usage';
export { sortOutPastLimit, type PastLimit } from './past-limit';
export { reconcileUsage, type Reconciled } from './reconcile-usage';
export { countUnsent, isSendingWanted } from './unsent-usage';
export { sendBatches, type SendingLimits } from './send-batches';
export { sendBatch, type Sent, type SendingParts } from './send-owed-usage';
