import { mkdirSync, readdirSync, writeFileSync, existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Figure, PerformanceDefinition } from '@managed-consul/testing';
import { loadLocalSettings } from '../../infra/local/local-settings';
import type { CommandLine } from './command-line';
import { UsageError } from './usage';

const SUFFIX = '.performance.ts';

const isDefinition = (value: unknown): value is PerformanceDefinition =>
  typeof value === 'object' && value !== null && 'run' in value && 'name' in value && typeof value.run === 'function';

async function readDefinitions(folder: string): Promise<PerformanceDefinition[]> {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(SUFFIX)) : [];
  const modules = await Promise.all(
    files.sort().map((file) => import(pathToFileURL(join(folder, file)).href) as Promise<object>),
  );
  return modules.flatMap((module) => Object.values(module).filter(isDefinition));
}

const round = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** One line: the figure, the bare minimum beside it, the ratio and whether it holds. */
export function describeFigure({ name, value, unit, bare, hold }: Figure): string {
  const ratio = bare === undefined ? undefined : value / bare;
  const against = ratio === undefined ? '' : `   bare ${round(bare ?? 0)} ${unit}   ratio ${ratio.toFixed(2)}`;
  if (ratio === undefined || hold === undefined) return `  ${name}: ${round(value)} ${unit}${against}`;
  const holds = hold.is === 'at most' ? ratio <= hold.ratio : ratio >= hold.ratio;
  return `  ${name}: ${round(value)} ${unit}${against}   hold ${hold.is} ${hold.ratio}: ${holds ? 'yes' : 'NO'}`;
}

/** `./hcs performance [name]`: prints the figures and writes them as JSON; a figure that does not hold fails nothing. */
export async function performance({ root, args }: CommandLine): Promise<number> {
  const all = await readDefinitions(join(root, 'test/performance'));
  const wanted = args[0];
  const chosen = wanted === undefined ? all : all.filter(({ name }) => name === wanted);
  if (chosen.length === 0) {
    throw new UsageError(`There is no benchmark "${wanted ?? ''}"; there are: ${all.map(({ name }) => name).join(', ')}.`);
  }
  const folder = join(loadLocalSettings(root).stateFolder, 'performance');
  mkdirSync(folder, { recursive: true });
  for (const definition of chosen) {
    console.log(`${definition.name}: ${definition.description}`);
    const figures = await definition.run({ root, say: (line) => console.log(`    ${line}`) });
    for (const figure of figures) console.log(describeFigure(figure));
    const machine = { cores: cpus().length, memoryGib: Math.round(totalmem() / 2 ** 30), node: process.version };
    const written = { name: definition.name, at: new Date().toISOString(), machine, figures };
    writeFileSync(join(folder, `${definition.name}.json`), `${JSON.stringify(written, undefined, 2)}\n`);
  }
  return 0;
}
