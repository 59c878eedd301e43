/** Cores that a subscription may use in a region. Azure's own default for enterprise subscriptions holds unless it is changed. */
import { ArmError } from '../arm/arm-error';
import type { ResourceAccess } from '../arm/resource-provider';
import type { Collection, Store } from '../store/store';
import { findVmSize, VM_SIZES } from './vm-sizes';

const DEFAULT_CORES = 350;
const SCALE_SET_LIMIT = 2500;
export const SCALE_SET_TYPE = 'Microsoft.Compute/virtualMachineScaleSets';

interface QuotaRow {
  readonly cores: number;
}

const keyOf = (subscriptionId: string, location: string): string => `${subscriptionId}/${location}`.toLowerCase();

/** Counts what scale sets use and refuses what goes beyond. */
export class Quota {
  readonly #rows: Collection<QuotaRow>;
  readonly #resources: ResourceAccess;

  constructor(store: Store, resources: ResourceAccess) {
    this.#rows = store.collection('compute-quota');
    this.#resources = resources;
  }

  /** Changes the limit of a region, for tests of a full one. */
  setCores(subscriptionId: string, location: string, cores: number): void {
    this.#rows.put(keyOf(subscriptionId, location), { cores });
  }

  limitOf(subscriptionId: string, location: string): number {
    return this.#rows.get(keyOf(subscriptionId, location))?.cores ?? DEFAULT_CORES;
  }

  /** Throws `QuotaExceeded` (409) when `required` further cores do not fit. */
  require(subscriptionId: string, location: string, required: number): void {
    const limit = this.limitOf(subscriptionId, location);
    const used = this.#usedCores(subscriptionId, location);
    if (required <= 0 || used + required <= limit) return;
    const message =
      'Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - ' +
      `Deployment Model: Resource Manager, Location: ${location}, Current Limit: ${limit}, Current Usage: ${used}, ` +
      `Additional Required: ${required}, (Minimum) New Limit Required: ${used + required}. Submit a request for Quota increase.`;
    throw new ArmError(409, 'QuotaExceeded', message);
  }

  /** Rows of `locations/{location}/usages`. */
  usages(subscriptionId: string, location: string): object[] {
    const limit = this.limitOf(subscriptionId, location);
    const row = (value: string, localizedValue: string, currentValue: number, rowLimit: number) => ({
      unit: 'Count',
      currentValue,
      limit: rowLimit,
      name: { value, localizedValue },
    });
    const families = [...new Set(VM_SIZES.map(({ family }) => family))];
    return [
      row('cores', 'Total Regional vCPUs', this.#usedCores(subscriptionId, location), limit),
      row(
        'virtualMachineScaleSets',
        'Virtual Machine Scale Sets',
        this.#setsIn(subscriptionId, location).length,
        SCALE_SET_LIMIT,
      ),
      ...families.map((family) => row(family, `${family} vCPUs`, this.#usedCores(subscriptionId, location, family), limit)),
    ];
  }

  #setsIn(subscriptionId: string, location: string) {
    const all = this.#resources.listByType(SCALE_SET_TYPE, `/subscriptions/${subscriptionId}`);
    return all.filter((set) => set.location?.toLowerCase() === location.toLowerCase());
  }

  #usedCores(subscriptionId: string, location: string, family?: string): number {
    return this.#setsIn(subscriptionId, location)
      .map((set) => ({ size: findVmSize(String(set.sku?.['name'])), capacity: Number(set.sku?.['capacity'] ?? 0) }))
      .filter(({ size }) => family === undefined || size?.family === family)
      .reduce((sum, { size, capacity }) => sum + (size?.vcpus ?? 0) * capacity, 0);
  }
}
