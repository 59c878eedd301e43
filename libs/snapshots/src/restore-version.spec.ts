import { describe, expect, it } from 'vitest';
import { findRestoreProblem } from './restore-version';

const codeOf = (source: string | null, target: string): string | undefined => findRestoreProblem(source, target)?.code;

describe('findRestoreProblem', () => {
  it('allows the same version and later ones', () => {
    for (const target of ['1.8.7', '1.8.19', '1.10.12', '1.13.3', '1.16.2', '2.0.0'])
      expect(codeOf('1.8.7', target)).toBeUndefined();
  });

  it('refuses an older Consul than the snapshot was taken of, by numbers and not by letters', () => {
    for (const [source, target] of [
      ['1.8.7', '1.8.6'],
      ['1.10.12', '1.9.17'],
      ['1.10.12', '1.8.19'],
    ] as const)
      expect(codeOf(source, target)).toBe('VersionTooOld');
  });

  it('refuses versions that are known to fail at restoring, whatever the snapshot', () => {
    for (const target of ['1.13.0', '1.16.0', '1.16.1', '1.16.1+ent'])
      expect(codeOf('1.8.7', target)).toBe('VersionCannotRestore');
  });

  it('judges a snapshot that does not tell its version by the target alone', () => {
    expect(codeOf(null, '1.8.7')).toBeUndefined();
    expect(codeOf(null, '1.13.0')).toBe('VersionCannotRestore');
  });
});
