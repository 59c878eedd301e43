import { z } from 'zod';
import { REFUSALS, type UsageRequest } from './usage-event';

/** A switch that refuses events that would have been taken, or shows another amount as billed. */
export const meteringSwitchSchema = z.discriminatedUnion('kind', [
  /** `count` events of the dimension (of any) get that outcome and are not taken. */
  z.strictObject({
    kind: z.literal('outcome'),
    status: z.enum(REFUSALS),
    dimension: z.string().optional(),
    count: z.int().min(1).default(1),
  }),
  /** Days of the dimension (of any) are reported with that state; `Mismatch` with `processedQuantity`. */
  z.strictObject({
    kind: z.literal('reconciliation'),
    reconStatus: z.enum(['Submitted', 'Rejected', 'Mismatch', 'TestHeaders', 'DryRun']),
    dimension: z.string().optional(),
    processedQuantity: z.number().min(0).default(0),
  }),
]);

type MeteringSwitch = z.output<typeof meteringSwitchSchema>;
type ReconciliationSwitch = Extract<MeteringSwitch, { kind: 'reconciliation' }>;

const fits = ({ dimension }: MeteringSwitch, wanted: string): boolean => dimension === undefined || dimension === wanted;

/** The switches that stand now; they do not outlive the process. */
export class MeteringSwitches {
  #switches: readonly MeteringSwitch[] = [];

  add(added: MeteringSwitch): void {
    this.#switches = [...this.#switches, added];
  }

  clear(): void {
    this.#switches = [];
  }

  list(): readonly MeteringSwitch[] {
    return this.#switches;
  }

  /** The outcome that is asked for this event, counted. */
  takeOutcome({ dimension }: UsageRequest): (typeof REFUSALS)[number] | undefined {
    const found = this.#switches.find((one) => one.kind === 'outcome' && fits(one, dimension));
    if (found?.kind !== 'outcome') return undefined;
    this.#switches = this.#switches.flatMap((one) => {
      if (one !== found) return [one];
      return found.count > 1 ? [{ ...found, count: found.count - 1 }] : [];
    });
    return found.status;
  }

  findReconciliation(dimension: string): ReconciliationSwitch | undefined {
    return this.#switches
      .filter((one): one is ReconciliationSwitch => one.kind === 'reconciliation')
      .find((one) => fits(one, dimension));
  }
}
