import { describe, expect, it } from 'vitest';
import { LenientJsonError, parseLenientJson } from './lenient-json';

describe('lenient JSON', () => {
  it('reads a body as az sends it: unquoted names, a template file with comments, line breaks in strings, trailing commas', () => {
    const body = `{"properties": { mode: 'Incremental', template: { // from a file
      "a": "[concat(
        'x')]", /* more */ "b": [1, -2.5e1, true, null,], } } }`;
    expect(parseLenientJson(body)).toEqual({
      properties: { mode: 'Incremental', template: { a: "[concat(\n        'x')]", b: [1, -25, true, null] } },
    });
  });

  it('reads every strict JSON text as JSON.parse does', () => {
    const value = { a: 'q"\\\n\u2028ü', b: [[], {}, 0, -1, 1e21, false], __proto: { '': null } };
    const text = JSON.stringify(value, null, 2);
    expect(parseLenientJson(text)).toEqual(JSON.parse(text));
  });

  it.each(['', '{', '{"a" 1}', '[1 2]', '{"a":1} x', '"open', '{"a": nope}', '"\\u12"', '['.repeat(2000)])(
    'refuses %s',
    (text) => {
      expect(() => parseLenientJson(text)).toThrow(LenientJsonError);
    },
  );

  it('keeps a member called __proto__ as data', () => {
    const parsed = parseLenientJson('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(parsed['polluted']).toBeUndefined();
  });
});
