import { describe, expect, it } from 'vitest';
import { parseAssignments, parseCommand, parseEnvironmentFile, splitWords } from './command-line';

describe('command line of a unit', () => {
  it('groups quoted words and resolves escapes', () => {
    expect(splitWords(`a "b c" 'd "e"' f\\sg ""`)).toEqual(['a', 'b c', 'd "e"', 'f g', '']);
  });

  it('replaces variables in place and as several words', () => {
    const environment = { PORT: '80', OPTIONS: '-a -b' };
    expect(parseCommand('/bin/x --port=${PORT} $OPTIONS $$HOME %n %%', environment, 'u.service')).toEqual([
      '/bin/x',
      '--port=80',
      '-a',
      '-b',
      '$HOME',
      'u.service',
      '%',
    ]);
  });

  it('refuses prefixes, relative programs and specifiers that it does not know', () => {
    expect(() => parseCommand('-/bin/x', {}, 'u')).toThrow(/absolute path/);
    expect(() => parseCommand('node x', {}, 'u')).toThrow(/absolute path/);
    expect(() => parseCommand('/bin/x %i', {}, 'u')).toThrow(/specifier %i/);
    expect(() => splitWords('"open')).toThrow(/ends inside a quotation/);
  });

  it('reads assignments and environment files', () => {
    expect(parseAssignments('"A=b c" D=e=f', 'u')).toEqual({ A: 'b c', D: 'e=f' });
    expect(parseEnvironmentFile('# note\nA="b c"\n\nD=e=f\n')).toEqual({ A: 'b c', D: 'e=f' });
  });
});
