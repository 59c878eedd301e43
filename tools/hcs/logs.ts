import { existsSync, openSync, readdirSync, readSync, closeSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { foldersOf } from '../../infra/local/folders';
import { loadLocalSettings } from '../../infra/local/local-settings';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

const LOOK_EVERY = 250;

interface Tail {
  name: string;
  path: string;
  read: number;
  rest: string;
}

function takeNewLines(tail: Tail): string[] {
  const { size } = statSync(tail.path);
  // A new run may have begun the file anew.
  if (size < tail.read) tail.read = 0;
  if (size === tail.read) return [];
  const buffer = Buffer.alloc(size - tail.read);
  const file = openSync(tail.path, 'r');
  readSync(file, buffer, 0, buffer.length, tail.read);
  closeSync(file);
  tail.read = size;
  const lines = (tail.rest + buffer.toString('utf8')).split('\n');
  tail.rest = lines.pop() ?? '';
  return lines;
}

/** `./hcs logs [part] [--follow]` */
export async function logs({ root, args }: CommandLine): Promise<number> {
  const folder = foldersOf(loadLocalSettings(root).stateFolder).logs;
  const known = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.log')) : [];
  const parts = known.map((name) => name.slice(0, -'.log'.length)).sort();
  const wanted = args.find((argument) => !argument.startsWith('-'));
  if (wanted !== undefined && !parts.includes(wanted)) {
    throw new UsageError(`There is no log of "${wanted}"; there are: ${parts.join(', ') || 'none yet'}.`);
  }
  const tails = parts
    .filter((part) => wanted === undefined || part === wanted)
    .map((name): Tail => ({ name, path: join(folder, `${name}.log`), read: 0, rest: '' }));
  const print = () => {
    for (const tail of tails) {
      for (const line of takeNewLines(tail)) console.log(wanted === undefined ? `${tail.name.padEnd(16)} ${line}` : line);
    }
  };
  print();
  while (args.includes('--follow')) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    print();
  }
  return 0;
}
