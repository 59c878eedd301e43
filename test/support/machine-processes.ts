import { readdirSync, readFileSync } from 'node:fs';

/** Pids of all processes on this machine whose command line names every one of `words`. */
export function processesWith(...words: string[]): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return words.every((word) => commandLine.includes(word));
    } catch {
      return false; // It ended while we looked.
    }
  });
}

/** Addresses on which some process of this machine listens for TCP at `port`. */
export function listeningAddresses(port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => local.endsWith(`:${wanted}`) && state === '0A')
    .map(([, local = '']) =>
      (local.slice(0, 8).match(/../g) ?? [])
        .reverse()
        .map((byte) => parseInt(byte, 16))
        .join('.'),
    );
}
