import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

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

const LISTENS = '0A';
const CHUNK_BYTES = 16_384;

/**
 * The lines of the kernel's table of TCP sockets that are about listening ones. They come first, and reading ends with them: the
 * table has thousands of connections that are over, each of which costs the kernel time.
 */
function listeningLines(): string[][] {
  const file = openSync('/proc/net/tcp', 'r');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let text = '';
  try {
    for (;;) {
      const bytes = readSync(file, chunk, 0, CHUNK_BYTES, null);
      text += chunk.toString('latin1', 0, bytes);
      // The first line names the columns; the last one may not be whole yet.
      const lines = text.split('\n').slice(1, -1);
      const columns = lines.map((line) => line.trim().split(/\s+/));
      const end = columns.findIndex(([, , , state]) => state !== LISTENS);
      if (end >= 0 || bytes === 0) return end >= 0 ? columns.slice(0, end) : columns;
    }
  } finally {
    closeSync(file);
  }
}

/** Addresses on which some process of this machine listens for TCP at `port`. */
export function listeningAddresses(port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return listeningLines()
    .filter(([, local = '']) => local.endsWith(`:${wanted}`))
    .map(([, local = '']) =>
      (local.slice(0, 8).match(/../g) ?? [])
        .reverse()
        .map((byte) => parseInt(byte, 16))
        .join('.'),
    );
}
