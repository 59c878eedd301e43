/** Command lines and environment assignments as systemd.service(5) and systemd.exec(5) write them. */

const SPECIFIERS: Readonly<Record<string, (unit: string) => string>> = {
  '%': () => '%',
  n: (unit) => unit,
  N: (unit) => unit.replace(/\.service$/, ''),
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '\\': '\\', '"': '"', "'": "'", s: ' ' };

/** One pass over the text: quotes group words, a backslash escapes one character. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (character === '\\') {
      index += 1;
      const escape = ESCAPES[text[index] ?? ''];
      if (escape === undefined) throw new Error(`"${text}" holds an escape that is not known: \\${text[index] ?? ''}.`);
      word = (word ?? '') + escape;
    } else if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== undefined) throw new Error(`"${text}" ends inside a quotation.`);
  if (word !== undefined) words.push(word);
  return words;
}

function expandSpecifiers(text: string, unit: string): string {
  return text.replace(/%(.)/g, (whole, letter: string) => {
    const specifier = SPECIFIERS[letter];
    if (!specifier) throw new Error(`${unit}: the specifier ${whole} is not known to the emulated machine.`);
    return specifier(unit);
  });
}

/** `NAME=value` assignments of one `Environment=` line. */
export function parseAssignments(line: string, unit: string): Record<string, string> {
  const entries = splitWords(expandSpecifiers(line, unit)).map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw new Error(`${unit}: "${word}" is not NAME=value.`);
    return [word.slice(0, at), word.slice(at + 1)] as const;
  });
  return Object.fromEntries(entries);
}

/** The assignments of an `EnvironmentFile=`: one a line, comments and blank lines left out, quotes round a value taken off. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes('=') && !/^\s*[#;]/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return [
        line.slice(0, at).trim(),
        line
          .slice(at + 1)
          .trim()
          .replace(/^(["'])(.*)\1$/, '$2'),
      ];
    }),
  );
}

/**
 * The program and arguments of an `ExecStart=`: `$NAME` as a word of its own gives several words, `${NAME}` is replaced in
 * place. A leading `-` (failure counts as success) and the privilege prefixes change the meaning and are refused.
 */
export function parseCommand(line: string, environment: Readonly<Record<string, string>>, unit: string): [string, ...string[]] {
  const words = splitWords(expandSpecifiers(line, unit)).flatMap((word) => {
    const whole = /^\$(\w+)$/.exec(word)?.[1];
    if (whole !== undefined) return (environment[whole] ?? '').split(/\s+/).filter(Boolean);
    return [word.replace(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? '').replaceAll('$$', '$')];
  });
  const [program, ...parameters] = words;
  if (program === undefined || !program.startsWith('/')) {
    throw new Error(`${unit}: ExecStart=${line} must begin with an absolute path and no prefix.`);
  }
  return [program, ...parameters];
}
