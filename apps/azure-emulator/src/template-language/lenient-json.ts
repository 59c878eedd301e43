import type { JsonObject, JsonValue } from './json-value';

/** Where and why a text is not even lenient JSON. */
export class LenientJsonError extends Error {
  constructor(message: string, text: string, position: number) {
    const before = text.slice(0, position).split('\n');
    super(`${message}. Line ${before.length}, position ${(before.at(-1) ?? '').length + 1}.`);
    this.name = 'LenientJsonError';
  }
}

const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '0': '\0' };
const SPACE_AND_COMMENTS = /(?:\s|\uFEFF|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const NUMBER = /[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)/y;
const NAME = /[A-Za-z_$][\w$]*/y;
const DEPTH_LIMIT = 512;

class LenientParser {
  private position = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  parseWhole(): JsonValue {
    const value = this.parseValue();
    this.skip();
    if (this.position < this.text.length) throw this.wrong('Additional text encountered after the end of the JSON content');
    return value;
  }

  private parseValue(): JsonValue {
    this.skip();
    const next = this.text[this.position];
    if (next === '{' || next === '[') return this.parseNested(next);
    if (next === '"' || next === "'") return this.parseString(next);
    const number = this.match(NUMBER);
    if (number !== undefined) return Number(number);
    const word = this.match(NAME);
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    throw this.wrong(next === undefined ? 'Unexpected end of the content' : `Unexpected character '${next}'`);
  }

  private parseNested(opening: '{' | '['): JsonValue {
    this.depth += 1;
    if (this.depth > DEPTH_LIMIT) throw this.wrong(`The content nests deeper than ${DEPTH_LIMIT}`);
    this.position += 1;
    const value = opening === '{' ? this.parseObject() : this.parseArray();
    this.depth -= 1;
    return value;
  }

  private parseObject(): JsonObject {
    const object: JsonObject = {};
    while (!this.accept('}')) {
      const name = this.parseName();
      if (!this.accept(':')) throw this.wrong(`After the property name '${name}' a ':' is expected`);
      // A member called __proto__ must stay data.
      Object.defineProperty(object, name, { value: this.parseValue(), writable: true, enumerable: true, configurable: true });
      if (!this.accept(',') && !this.peek('}')) throw this.wrong(`After a property value a ',' or '}' is expected`);
    }
    return object;
  }

  private parseArray(): JsonValue[] {
    const array: JsonValue[] = [];
    while (!this.accept(']')) {
      array.push(this.parseValue());
      if (!this.accept(',') && !this.peek(']')) throw this.wrong(`After an array value a ',' or ']' is expected`);
    }
    return array;
  }

  private parseName(): string {
    this.skip();
    const next = this.text[this.position];
    if (next === '"' || next === "'") return this.parseString(next);
    const name = this.match(NAME);
    if (name === undefined) throw this.wrong('A property name is expected');
    return name;
  }

  private parseString(quote: string): string {
    let value = '';
    this.position += 1;
    for (;;) {
      const character = this.text[this.position];
      if (character === undefined) throw this.wrong('Unterminated string');
      this.position += 1;
      if (character === quote) return value;
      // Template files may break an expression over lines; az sends them as they are.
      value += character === '\\' ? this.parseEscape() : character;
    }
  }

  private parseEscape(): string {
    const character = this.text[this.position] ?? '';
    this.position += 1;
    if (character === '\n') return '';
    const width = character === 'u' ? 4 : character === 'x' ? 2 : 0;
    if (width === 0) return ESCAPES[character] ?? character;
    const digits = this.text.slice(this.position, this.position + width);
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== width) throw this.wrong('Bad escape in a string');
    this.position += width;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  private skip(): void {
    SPACE_AND_COMMENTS.lastIndex = this.position;
    this.position += SPACE_AND_COMMENTS.exec(this.text)?.[0].length ?? 0;
  }

  private peek(character: string): boolean {
    this.skip();
    return this.text[this.position] === character;
  }

  private accept(character: string): boolean {
    if (!this.peek(character)) return false;
    this.position += 1;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    this.position += found?.length ?? 0;
    return found;
  }

  private wrong(message: string): LenientJsonError {
    return new LenientJsonError(message, this.text, this.position);
  }
}

/**
 * Parses JSON as the deployments route must: `az` sends a template file verbatim inside a hand-made body, so names may be
 * unquoted, strings single-quoted or broken over lines, and comments and trailing commas occur. Throws `LenientJsonError`.
 */
export const parseLenientJson = (text: string): JsonValue => new LenientParser(text).parseWhole();
