import { hourAfter, monthOf } from './hour';
import type { ExportedLine } from './export-usage';
import { unitHours, unitOf } from './meters';

/** How usage leaves the service for somebody else's billing. */
export const EXPORT_FORMATS = ['csv', 'jsonl', 'focus'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

type Cell = string | number | null;
type Columns<Entry> = Readonly<Record<string, (entry: Entry) => Cell>>;

/** Money of a line is not rounded to what a bill shows: many lines are added up elsewhere. */
const COST_DIGITS = 12;

/** One row for a line: what the ledger says, and what it costs by the price that held. */
const LEDGER: Columns<ExportedLine> = {
  start: ({ hour }) => hour.toISOString(),
  end: ({ hour }) => hourAfter(hour).toISOString(),
  tenantId: ({ tenantId }) => tenantId,
  installationId: ({ installationId }) => installationId,
  clusterId: ({ clusterId }) => clusterId,
  clusterName: ({ clusterName }) => clusterName,
  region: ({ region }) => region,
  plan: ({ planId }) => planId,
  meter: ({ meter }) => meter,
  dimension: ({ dimension }) => dimension,
  seconds: ({ seconds }) => seconds,
  // In the ledger's whole small units as well: exact for whoever counts again.
  ledgerQuantity: ({ quantity }) => String(quantity),
  quantity: ({ meter, quantity }) => unitHours(meter, quantity),
  unit: ({ meter }) => `${unitOf(meter).unit} hours`,
  currency: ({ currency }) => currency,
  cost: ({ currency, cost }) => (currency === null ? null : cost.toText(COST_DIGITS)),
};

/** A line, or the part of it that one tier prices. */
interface Charge {
  readonly line: ExportedLine;
  readonly tier: ExportedLine['tiers'][number] | undefined;
}

const costOf = ({ tier }: Charge): string => (tier ? tier.cost.toText(COST_DIGITS) : '0');
const quantityOf = ({ line, tier }: Charge): string => unitHours(line.meter, tier?.quantity ?? line.quantity);
const skuOf = ({ line }: Charge): string => line.dimension ?? line.meter;

/**
 * The columns of FOCUS 1.0 (FinOps Open Cost and Usage Specification) that a provider without discounts and commitments can
 * fill; the columns that the specification does not know begin with `x_`, as it wants.
 */
const FOCUS: Columns<Charge> = {
  BilledCost: costOf,
  BillingAccountId: ({ line }) => line.installationId,
  BillingAccountName: () => null,
  BillingCurrency: ({ line }) => line.currency,
  BillingPeriodEnd: ({ line }) => monthOf(line.hour).to.toISOString(),
  BillingPeriodStart: ({ line }) => monthOf(line.hour).from.toISOString(),
  ChargeCategory: () => 'Usage',
  ChargeClass: () => null,
  ChargeDescription: ({ line, tier }) => `${line.meter}${tier && line.tiers.length > 1 ? `, units ${tier.label}` : ''}`,
  ChargeFrequency: () => 'Usage-Based',
  ChargePeriodEnd: ({ line }) => hourAfter(line.hour).toISOString(),
  ChargePeriodStart: ({ line }) => line.hour.toISOString(),
  ConsumedQuantity: quantityOf,
  ConsumedUnit: ({ line }) => `${unitOf(line.meter).unit} hours`,
  ContractedCost: costOf,
  ContractedUnitPrice: ({ tier }) => tier?.unitPrice ?? null,
  EffectiveCost: costOf,
  InvoiceIssuerName: () => 'Managed Consul',
  ListCost: costOf,
  ListUnitPrice: ({ tier }) => tier?.unitPrice ?? null,
  PricingCategory: () => 'Standard',
  PricingQuantity: quantityOf,
  PricingUnit: ({ line }) => `${unitOf(line.meter).unit} hours`,
  ProviderName: () => 'Managed Consul',
  PublisherName: () => 'Managed Consul',
  RegionId: ({ line }) => line.region,
  RegionName: ({ line }) => line.region,
  ResourceId: ({ line }) => line.clusterId,
  ResourceName: ({ line }) => line.clusterName,
  ResourceType: () => 'Consul cluster',
  ServiceCategory: () => 'Networking',
  ServiceName: () => 'Managed Consul',
  SkuId: skuOf,
  SkuPriceId: (charge) => `${charge.line.planId}/${skuOf(charge)}${charge.tier ? `/${charge.tier.label}` : ''}`,
  SubAccountId: ({ line }) => line.tenantId,
  SubAccountName: () => null,
  x_Plan: ({ line }) => line.planId,
  x_LedgerQuantity: ({ line, tier }) => String(tier?.quantity ?? line.quantity),
};

/** As RFC 4180 has it. What a spreadsheet would take for a formula is text. */
function csvCell(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  const safe = typeof cell === 'string' && /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`;
const csvRow = <Entry>(columns: Columns<Entry>, entry: Entry): string =>
  csvLine(Object.values(columns).map((cellOf) => cellOf(entry)));
const jsonRow = <Entry>(columns: Columns<Entry>, entry: Entry): string =>
  `${JSON.stringify(Object.fromEntries(Object.entries(columns).map(([name, cellOf]) => [name, cellOf(entry)])))}\n`;

const chargesOf = (line: ExportedLine): Charge[] =>
  line.tiers.length === 0 ? [{ line, tier: undefined }] : line.tiers.map((tier) => ({ line, tier }));

const WRITERS: Readonly<Record<ExportFormat, { head: string; write: (line: ExportedLine) => string }>> = {
  csv: { head: csvLine(Object.keys(LEDGER)), write: (line) => csvRow(LEDGER, line) },
  jsonl: { head: '', write: (line) => jsonRow(LEDGER, line) },
  focus: {
    head: csvLine(Object.keys(FOCUS)),
    write: (line) =>
      chargesOf(line)
        .map((charge) => csvRow(FOCUS, charge))
        .join(''),
  },
};

export const exportContentType = (format: ExportFormat): string => (format === 'jsonl' ? 'application/jsonl' : 'text/csv');

/** The lines as text, each as it comes: the file is never in memory. */
export async function* writeExport(format: ExportFormat, lines: AsyncIterable<ExportedLine>): AsyncGenerator<string> {
  const { head, write } = WRITERS[format];
  if (head !== '') yield head;
  for await (const line of lines) yield write(line);
}
