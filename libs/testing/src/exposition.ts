/** One figure of a scrape. */
interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a process told of itself, taken apart. */
export interface Exposition {
  /** Name and type of every figure, as declared. */
  types: ReadonlyMap<string, string>;
  /** Throws if there is no such figure with exactly these labels. */
  value(name: string, labels: Record<string, string>): number;
  has(name: string): boolean;
  samples: readonly Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

const ESCAPES: Record<string, string> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

function labelsIn(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const found = LABEL.exec(text);
    if (!found?.[1]) throw new Error(`Not Prometheus' text format: ${line}`);
    if (found[1] in labels) throw new Error(`A label is named twice: ${line}`);
    labels[found[1]] = (found[2] ?? '').replaceAll(/\\["\\n]/g, (escaped) => ESCAPES[escaped] ?? escaped);
  }
  return labels;
}

function valueOf(text: string, line: string): number {
  const words: Record<string, number> = { NaN: Number.NaN, '+Inf': Infinity, '-Inf': -Infinity };
  const value = words[text] ?? Number(text);
  if (words[text] === undefined && Number.isNaN(value)) throw new Error(`Not a number: ${line}`);
  return value;
}

/** The declared figure that a sample belongs to: a histogram has three kinds of samples. */
const familyOf = (name: string, types: ReadonlyMap<string, string>): string => {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return ['histogram', 'summary'].includes(types.get(base) ?? '') ? base : name;
};

const keyOf = (name: string, labels: Record<string, string>): string =>
  `${name} ${JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)))}`;

/**
 * Reads Prometheus' text format 0.0.4, strictly: throws for a line that is not in it, a sample before its type, a type or a
 * series given twice, and a histogram whose last bucket is not its count.
 */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  const types = new Map<string, string>();
  const samples = new Map<string, Sample>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    if (line.startsWith('#')) {
      const [, keyword, name = '', type = ''] = line.split(' ');
      if (keyword !== 'TYPE' || !NAME.test(name) || !TYPES.has(type) || types.has(name)) throw new Error(`A wrong type: ${line}`);
      types.set(name, type);
      continue;
    }
    const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (name === '' || !types.has(familyOf(name, types))) throw new Error(`Not a sample of a declared figure: ${line}`);
    const sample = { name, labels: labelsIn(labelText, line), value: valueOf(value, line) };
    const key = keyOf(name, sample.labels);
    if (samples.has(key)) throw new Error(`A series is there twice: ${line}`);
    samples.set(key, sample);
  }
  checkHistograms(types, samples);
  return {
    types,
    samples: [...samples.values()],
    has: (name) => types.has(familyOf(name, types)),
    value(name, labels) {
      const found = samples.get(keyOf(name, labels));
      if (!found) throw new Error(`No series ${keyOf(name, labels)}.`);
      return found.value;
    },
  };
}

function checkHistograms(types: ReadonlyMap<string, string>, samples: ReadonlyMap<string, Sample>): void {
  for (const { name, labels, value } of samples.values()) {
    const base = name.replace(/_count$/, '');
    if (base === name || types.get(base) !== 'histogram') continue;
    const last = samples.get(keyOf(`${base}_bucket`, { ...labels, le: '+Inf' }));
    if (last?.value !== value) throw new Error(`The last bucket of ${base} is not its count.`);
  }
}
