/**
 * Sizes of virtual machines and the regions that have availability zones, as data. Figures are Azure's published ones
 * (virtual machine size series pages and the list of regions with zones); a size that is not here does not exist.
 */

export interface VmSize {
  readonly name: string;
  readonly family: string;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly maxDataDisks: number;
}

type Row = readonly [suffix: string, vcpus: number, memoryGib: number, maxDataDisks: number];

const series = (family: string, rows: readonly Row[]): VmSize[] =>
  rows.map(([suffix, vcpus, memoryGib, maxDataDisks]) => ({
    name: `Standard_${suffix}`,
    family,
    vcpus,
    memoryGib,
    maxDataDisks,
  }));

export const VM_SIZES: readonly VmSize[] = [
  ...series('standardBSFamily', [
    ['B1s', 1, 1, 2],
    ['B1ms', 1, 2, 2],
    ['B2s', 2, 4, 4],
    ['B2ms', 2, 8, 4],
    ['B4ms', 4, 16, 8],
  ]),
  ...series('standardBsv2Family', [
    ['B2ts_v2', 2, 1, 4],
    ['B2ls_v2', 2, 4, 4],
    ['B2s_v2', 2, 8, 4],
    ['B4s_v2', 4, 16, 8],
  ]),
  ...series('standardDSv2Family', [
    ['DS1_v2', 1, 3.5, 4],
    ['DS2_v2', 2, 7, 8],
    ['DS3_v2', 4, 14, 16],
    ['DS4_v2', 8, 28, 32],
  ]),
  ...series('standardDSv3Family', [
    ['D2s_v3', 2, 8, 4],
    ['D4s_v3', 4, 16, 8],
    ['D8s_v3', 8, 32, 16],
    ['D16s_v3', 16, 64, 32],
  ]),
  ...series('standardDSv4Family', [
    ['D2s_v4', 2, 8, 4],
    ['D4s_v4', 4, 16, 8],
    ['D8s_v4', 8, 32, 16],
  ]),
  ...series('standardDSv5Family', [
    ['D2s_v5', 2, 8, 4],
    ['D4s_v5', 4, 16, 8],
    ['D8s_v5', 8, 32, 16],
    ['D16s_v5', 16, 64, 32],
    ['D32s_v5', 32, 128, 32],
  ]),
  ...series('standardDASv5Family', [
    ['D2as_v5', 2, 8, 4],
    ['D4as_v5', 4, 16, 8],
    ['D8as_v5', 8, 32, 16],
  ]),
  ...series('standardESv5Family', [
    ['E2s_v5', 2, 16, 4],
    ['E4s_v5', 4, 32, 8],
    ['E8s_v5', 8, 64, 16],
    ['E16s_v5', 16, 128, 32],
  ]),
  ...series('standardFSv2Family', [
    ['F2s_v2', 2, 4, 4],
    ['F4s_v2', 4, 8, 8],
    ['F8s_v2', 8, 16, 16],
  ]),
];

/** Sizes compare without case, as everywhere in Resource Manager. */
export const findVmSize = (name: string): VmSize | undefined =>
  VM_SIZES.find((size) => size.name.toLowerCase() === name.toLowerCase());

const REGIONS_WITH_ZONES =
  'australiaeast brazilsouth canadacentral centralindia centralus eastasia eastus eastus2 francecentral germanywestcentral ' +
  'israelcentral italynorth japaneast japanwest koreacentral mexicocentral newzealandnorth northeurope norwayeast polandcentral ' +
  'qatarcentral southafricanorth southcentralus southeastasia spaincentral swedencentral switzerlandnorth uaenorth uksouth ' +
  'westeurope westus2 westus3';

const ZONES: ReadonlyMap<string, readonly string[]> = new Map(
  REGIONS_WITH_ZONES.split(' ').map((region) => [region, ['1', '2', '3']]),
);

/** Availability zones of a region; none for a region without. */
export const zonesOf = (region: string): readonly string[] => ZONES.get(region.toLowerCase()) ?? [];

export const regionsWithZones = (): readonly string[] => [...ZONES.keys()];
