import { describe, expect, it } from 'vitest';
import { mergePatch, readResourceBody } from './body';

describe('a merge patch', () => {
  it('replaces values and lists, merges objects and removes by null', () => {
    const before = { a: 1, b: { c: 2, d: 3 }, e: [1, 2], f: 'gone' };
    expect(mergePatch(before, { a: 9, b: { c: null, x: 4 }, e: [3], f: null, g: { h: null, i: 1 } })).toEqual({
      a: 9,
      b: { d: 3, x: 4 },
      e: [3],
      g: { i: 1 },
    });
  });
});

describe('a resource body', () => {
  it('keeps what the envelope knows and drops the rest', () => {
    expect(readResourceBody({ location: 'westeurope', id: '/x', name: 'x', zones: ['1'], unknown: true })).toEqual({
      location: 'westeurope',
      zones: ['1'],
      properties: {},
    });
  });

  it.each([{ location: 1 }, { sku: 'Standard' }, { zones: '1' }, { zones: [1] }, { identity: [] }])('refuses %o', (body) => {
    expect(() => readResourceBody(body)).toThrow('The request content was invalid');
  });
});
