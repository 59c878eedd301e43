import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processesWith } from './machine-processes';

const KIBIBYTES_IN_MEBIBYTE = 1024;

/** Forgets the most memory that a process has held so far: proc(5), `clear_refs`. */
export function forgetPeakMemory(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** The most memory (resident, MiB) that a process has held since its start or `forgetPeakMemory`, as the kernel counts it. */
export function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / KIBIBYTES_IN_MEBIBYTE;
}

/** The server agent on the emulated machine with this address. */
export function agentAt(address: string): number {
  const found = processesWith('start-agent.mjs').find((pid) => {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const stateFolder = environment.find((entry) => entry.startsWith('STATE_DIRECTORY='))?.slice('STATE_DIRECTORY='.length);
    return stateFolder !== undefined && bindAddressIn(stateFolder) === address;
  });
  if (found === undefined) throw new Error(`No agent runs on the machine at ${address}.`);
  return found;
}

function bindAddressIn(stateFolder: string): string | undefined {
  try {
    const configuration = JSON.parse(readFileSync(join(stateFolder, 'consul/config/server.json'), 'utf8')) as {
      bind_addr?: string;
    };
    return configuration.bind_addr;
  } catch {
    return undefined; // Nothing is installed there yet.
  }
}
