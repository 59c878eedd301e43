import { ANONYMOUS_TOKEN_ACCESSOR } from '@managed-consul/consul';
import { describe, expect, it } from 'vitest';
import { compareTokens, describeTokenChanges, listTokens, type TokenFacts } from './token-comparison';

const token = (accessorId: string, description = ''): TokenFacts => ({ accessorId, description, policies: [] });
const accessors = (tokens: readonly TokenFacts[]): string[] => tokens.map(({ accessorId }) => accessorId);

const [kept, made, revoked, service] = [token('kept'), token('made'), token('revoked'), token('service')];

describe('compareTokens', () => {
  it('tells which tokens a restore ends and which stay revoked', () => {
    const changes = compareTokens({ alive: [kept, made], inSnapshot: [kept, revoked], own: [], earlier: [] });
    expect(accessors(changes.vanishing)).toEqual(['made']);
    expect(accessors(changes.revokedSince)).toEqual(['revoked']);
    expect(changes.comingBack).toEqual([]);
  });

  it("leaves the service's own tokens and the anonymous one out", () => {
    const anonymous = token(ANONYMOUS_TOKEN_ACCESSOR);
    const own = [service.accessorId];
    for (const [alive, inSnapshot] of [
      [[service, anonymous], []],
      [[], [service, anonymous]],
    ] as const)
      expect(compareTokens({ alive, inSnapshot, own, earlier: [] })).toEqual({
        vanishing: [],
        revokedSince: [],
        comingBack: [],
      });
  });

  it('brings a token back that only an earlier restore had ended, so that a restore can be undone', () => {
    const earlier = [{ vanished: ['made'], cameBack: [] }];
    const changes = compareTokens({ alive: [kept], inSnapshot: [kept, made], own: [], earlier });
    expect(accessors(changes.comingBack)).toEqual(['made']);
    expect(changes.revokedSince).toEqual([]);
  });

  it('keeps a token revoked that came back with a restore and was revoked after it', () => {
    const earlier = [
      { vanished: [], cameBack: ['made'] },
      { vanished: ['made'], cameBack: [] },
    ];
    const changes = compareTokens({ alive: [kept], inSnapshot: [kept, made], own: [], earlier });
    expect(accessors(changes.revokedSince)).toEqual(['made']);
    expect(changes.comingBack).toEqual([]);
  });
});

describe('what the customer reads', () => {
  it('names the first tokens and counts the rest', () => {
    const many = Array.from({ length: 7 }, (_, number) => token(`t${number}`, number === 0 ? 'for CI' : ''));
    expect(listTokens(many)).toBe('t0 (for CI), t1, t2, t3, t4 and 2 more');
  });

  it('says nothing of what does not happen', () => {
    const changes = { vanishing: [made], revokedSince: [], comingBack: [] };
    expect(describeTokenChanges(changes)).toEqual(['1 token made after the snapshot will stop working: made.']);
  });
});
