import { describe, expect, it } from 'vitest';
import { judgeQuorum } from './server-standing';

describe('judgeQuorum', () => {
  it('finds a quorum lost when every server is known to lead and follow nobody', () => {
    expect(judgeQuorum(['leaderless', 'gone', 'stopped'])).toBe('lost');
    expect(judgeQuorum(['down', 'down', 'leaderless'])).toBe('lost');
    expect(judgeQuorum(['gone', 'gone', 'gone'])).toBe('lost');
    expect(judgeQuorum([])).toBe('lost');
  });

  it('finds nothing lost while one server names a leader', () => {
    expect(judgeQuorum(['follows', 'gone', 'gone', 'silent', 'leaderless'])).toBe('led');
  });

  it('does not take silence for loss, whoever else is lost', () => {
    expect(judgeQuorum(['silent', 'silent', 'silent'])).toBe('unseen');
    expect(judgeQuorum(['leaderless', 'leaderless', 'silent'])).toBe('unseen');
    expect(judgeQuorum(['gone', 'gone', 'silent'])).toBe('unseen');
  });
});
