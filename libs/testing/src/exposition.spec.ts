import { describe, expect, it } from 'vitest';
import { parseExposition } from './exposition';

describe('parseExposition', () => {
  it('reads figures with their labels, escapes and special numbers', () => {
    const figures = parseExposition('# HELP a What a is.\n# TYPE a gauge\na{x="one \\"two\\"\\n",y=""} -1.5e3\na +Inf\n');
    expect(figures.value('a', { y: '', x: 'one "two"\n' })).toBe(-1500);
    expect(figures.value('a', {})).toBe(Infinity);
  });

  it.each([
    ['a figure without a type', 'a 1\n'],
    ['a label that is not quoted', '# TYPE a gauge\na{x=1} 1\n'],
    ['a word for a number', '# TYPE a gauge\na one\n'],
    ['a series given twice', '# TYPE a gauge\na{x="1",y="2"} 1\na{y="2",x="1"} 1\n'],
    ['a histogram whose buckets do not hold what it counts', '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n'],
    ['a last line that was cut off', '# TYPE a gauge\na 1'],
  ])('refuses %s', (_name, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
