import { ExpressionError } from './template-error';
import { tokenize, type Token, type TokenKind } from './tokenizer';

/** A parsed expression. Names keep their case; who reads them compares without it. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Expression[] }
  | { readonly kind: 'property'; readonly target: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly target: Expression; readonly index: Expression };

/** ARM's limit on the length of one expression, in characters. */
export const EXPRESSION_LIMIT = 24_576;

/** A call nested deeper than this would exhaust the stack before it meant anything. */
const DEPTH_LIMIT = 256;

class Parser {
  private position = 0;
  private depth = 0;

  constructor(
    private readonly source: string,
    private readonly tokens: readonly Token[],
  ) {}

  parseWhole(): Expression {
    const expression = this.parseExpression();
    this.expect('EndOfData');
    return expression;
  }

  private parseExpression(): Expression {
    this.depth += 1;
    if (this.depth > DEPTH_LIMIT)
      throw new ExpressionError(`The template language expression nests deeper than '${DEPTH_LIMIT}'.`);
    let expression = this.parsePrimary();
    for (;;) {
      if (this.accept('Dot')) {
        expression = { kind: 'property', target: expression, name: this.expect('Identifier').text };
      } else if (this.accept('LeftSquareBracket')) {
        const index = this.parseExpression();
        this.expect('RightSquareBracket');
        expression = { kind: 'index', target: expression, index };
      } else {
        this.depth -= 1;
        return expression;
      }
    }
  }

  private parsePrimary(): Expression {
    const text = this.accept('StringLiteral');
    if (text) return { kind: 'literal', value: text.text };
    const integer = this.accept('IntegerLiteral');
    if (integer) return { kind: 'literal', value: Number(integer.text) };
    let name = this.expect('Identifier').text;
    while (this.accept('Dot')) name += `.${this.expect('Identifier').text}`;
    this.expect('LeftParenthesis');
    return { kind: 'call', name, arguments: this.parseArguments() };
  }

  private parseArguments(): Expression[] {
    const found: Expression[] = [];
    if (this.accept('RightParenthesis')) return found;
    do found.push(this.parseExpression());
    while (this.accept('Comma'));
    this.expect('RightParenthesis');
    return found;
  }

  private accept(kind: TokenKind): Token | undefined {
    const token = this.tokens[this.position];
    if (token?.kind !== kind) return undefined;
    this.position += 1;
    return token;
  }

  private expect(kind: TokenKind): Token {
    const token = this.accept(kind);
    if (token) return token;
    const actual = this.tokens[this.position]?.kind ?? 'EndOfData';
    throw new ExpressionError(
      `Unable to parse language expression '${this.source}': expected token '${kind}' and actual '${actual}'.`,
    );
  }
}

/**
 * Whether ARM evaluates this string: it stands in square brackets and does not begin with the escape `[[`.
 * `[` without a closing bracket at the end is plain text.
 */
export const isExpression = (text: string): boolean => text.startsWith('[') && !text.startsWith('[[') && text.endsWith(']');

/** Removes the escape: `[[text]` means the text `[text]`. */
export const unescapeLiteral = (text: string): string => (text.startsWith('[[') && text.endsWith(']') ? text.slice(1) : text);

/** Parses a string for which `isExpression` holds. Throws `ExpressionError` when it is malformed or too long. */
export function parseExpression(text: string): Expression {
  if (text.length > EXPRESSION_LIMIT) {
    throw new ExpressionError(
      `The template language expression length limit exceeded. Limit: '${EXPRESSION_LIMIT}' and actual: '${text.length}'.`,
    );
  }
  const source = text.slice(1, -1);
  return new Parser(source, tokenize(source)).parseWhole();
}
