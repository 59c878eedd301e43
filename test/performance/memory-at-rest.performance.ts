import { readFileSync } from 'node:fs';
import { definePerformance } from '@managed-consul/testing';
import { serviceStatus } from '../support/service-status';

const MEBIBYTE_IN_KIBIBYTES = 1024;

/** Proportional set size of a process in MiB: what it would free by ending. */
function memoryOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) / MEBIBYTE_IN_KIBIBYTES;
}

/** What each process of the running service holds while nothing is asked of it. */
export const memoryAtRest = definePerformance({
  name: 'memory-at-rest',
  description: 'memory (PSS) of each process of the running service (needs ./hcs up)',
  run: async () => {
    const { components } = await serviceStatus();
    return components.flatMap(({ name, pid }) => (pid === null ? [] : [{ name, value: memoryOf(pid), unit: 'MiB' }]));
  },
});
