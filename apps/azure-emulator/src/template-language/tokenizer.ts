import { ExpressionError } from './template-error';

export type TokenKind =
  | 'Identifier'
  | 'StringLiteral'
  | 'IntegerLiteral'
  | 'LeftParenthesis'
  | 'RightParenthesis'
  | 'LeftSquareBracket'
  | 'RightSquareBracket'
  | 'Comma'
  | 'Dot'
  | 'EndOfData';

export interface Token {
  readonly kind: TokenKind;
  /** What stands in the expression; for a string literal its value, quotes and doubling removed. */
  readonly text: string;
}

const PUNCTUATION: Record<string, TokenKind> = {
  '(': 'LeftParenthesis',
  ')': 'RightParenthesis',
  '[': 'LeftSquareBracket',
  ']': 'RightSquareBracket',
  ',': 'Comma',
  '.': 'Dot',
};

const IDENTIFIER = /[A-Za-z_$][\w$]*/y;
const INTEGER = /[+-]?\d+/y;
const STRING = /'((?:[^']|'')*)'/y;

const matchAt = (pattern: RegExp, text: string, position: number): RegExpExecArray | null => {
  pattern.lastIndex = position;
  return pattern.exec(text);
};

/** Cuts the inside of `[…]` into tokens; always ends with `EndOfData`. Throws `ExpressionError` on a stray character. */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < expression.length) {
    const character = expression[position] ?? '';
    if (/\s/.test(character)) {
      position += 1;
      continue;
    }
    const [token, length] = readToken(expression, position, character);
    tokens.push(token);
    position += length;
  }
  tokens.push({ kind: 'EndOfData', text: '' });
  return tokens;
}

function readToken(expression: string, position: number, character: string): [Token, number] {
  const punctuation = PUNCTUATION[character];
  if (punctuation) return [{ kind: punctuation, text: character }, 1];
  const text = matchAt(STRING, expression, position);
  if (text) return [{ kind: 'StringLiteral', text: (text[1] ?? '').replaceAll("''", "'") }, text[0].length];
  const identifier = matchAt(IDENTIFIER, expression, position);
  if (identifier) return [{ kind: 'Identifier', text: identifier[0] }, identifier[0].length];
  const integer = matchAt(INTEGER, expression, position);
  if (integer) return [{ kind: 'IntegerLiteral', text: integer[0] }, integer[0].length];
  if (character === "'") {
    throw new ExpressionError(`The template language expression '${expression}' has a string literal that is not terminated.`);
  }
  throw new ExpressionError(`The template language expression '${expression}' has an unexpected character '${character}'.`);
}
