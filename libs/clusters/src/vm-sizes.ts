/** An Azure machine size that may run a Consul server. */
export interface VmSize {
  name: string;
  virtualCpus: number;
  memoryGib: number;
  /** Burstable sizes lose their speed after a busy spell, so they are for single-server clusters only. */
  burstable: boolean;
}

const size = (name: string, virtualCpus: number, memoryGib: number, burstable = false): VmSize => ({
  name,
  virtualCpus,
  memoryGib,
  burstable,
});

/**
 * The sizes on offer, x64 only as the catalogue's programs are. Consul's documentation starts production at 2 cores and 8 GiB
 * (`small` initial production datacenter), so nothing below that is offered for three or five servers.
 */
export const VM_SIZES: readonly VmSize[] = [
  size('Standard_B2s', 2, 4, true),
  size('Standard_B2ms', 2, 8, true),
  ...[
    [2, 8],
    [4, 16],
    [8, 32],
    [16, 64],
  ].flatMap(([cpus = 0, memory = 0]) => [
    size(`Standard_D${cpus}s_v3`, cpus, memory),
    size(`Standard_D${cpus}s_v4`, cpus, memory),
    size(`Standard_D${cpus}s_v5`, cpus, memory),
    size(`Standard_D${cpus}as_v5`, cpus, memory),
    size(`Standard_E${cpus}s_v5`, cpus, memory * 2),
  ]),
];

/** Azure compares names without regard to case. */
export const findVmSize = (name: string): VmSize | undefined =>
  VM_SIZES.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
