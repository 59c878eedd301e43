/**
 * The ledger: what every cluster used of every meter in every clock hour, what that costs, and what customers and operators are
 * told of it. Quantities and money are exact; nothing here is a floating-point number. Knows no Azure and no Consul.
 */
export { Amount } from './amount';
export { giveBudgetNotices, readBudget, removeBudget, setBudget } from './budget';
export { checkClosedHours, type CheckedHour } from './check-hours';
export { closeDueHours, closeHour, CLOSE_AFTER, hoursToClose } from './close-hour';
export { closeInstallation, reopenInstallation } from './close-installation';
export { examineCoverage, type Coverage } from './coverage';
export { creditRecord, type CreditWish } from './credit';
export { estimateCost, type Estimate } from './estimate';
export { EXPORT_FORMATS, exportContentType, writeExport, type ExportFormat } from './export-formats';
export { exportUsage, type ExportedLine } from './export-usage';
export { dayOf, hourAfter, hourOf, monthOf, readMonth, type Span } from './hour';
export { clusterMeter, SERVICE_INSTANCES, SNAPSHOT_STORAGE, unitHours } from './meters';
export { costOf, dimensionOf, tierLabel, type PriceDimension, type PriceDimensionInput } from './price';
export { addPrice, priceAt, pricesById, type Price } from './prices';
export { compareHour, compareHourIn, correctHour, correctHourIn, type Mismatch } from './recompute';
export { recordServiceInstances } from './service-instances';
export { readUsage, sumUsage, totalsOf, type Usage, type UsageLine } from './usage-report';
