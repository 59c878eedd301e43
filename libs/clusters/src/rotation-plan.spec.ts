import { hours } from '@managed-consul/config';
import { describe, expect, it } from 'vitest';
import { nextRotation, type RotationFacts } from './rotation-plan';

const DAY = hours(24);
const START = new Date('2026-01-01T00:00:00Z');
const day = (count: number): Date => new Date(START.getTime() + count * DAY);
const life = (from: number, days: number) => ({ notBefore: day(from), notAfter: day(from + days) });

const facts = (changes: Partial<RotationFacts> = {}): RotationFacts => ({
  serverCertificates: [life(0, 360), life(30, 360)],
  certificateAuthority: life(0, 3600),
  agentTokensSince: START,
  connectAuthoritySince: START,
  failedAt: {},
  ...changes,
});

describe('what is renewed unasked', () => {
  it("begins with the servers' certificates, when a third of the first one's life is left", () => {
    expect(nextRotation(facts())).toMatchObject({ what: 'ServerCertificates', dueAt: day(240) });
  });

  it('goes on with the agent tokens after a year', () => {
    const renewed = facts({ serverCertificates: [life(240, 360)] });
    expect(nextRotation(renewed)).toMatchObject({ what: 'AgentTokens', dueAt: day(365) });
  });

  it('comes to the authorities while each has a third of its life left', () => {
    const young = { serverCertificates: [life(2300, 360)], agentTokensSince: day(2300) };
    expect(nextRotation(facts(young))).toMatchObject({ what: 'CertificateAuthority', dueAt: day(2400) });
    const trusted = { ...young, certificateAuthority: life(2400, 3600) };
    expect(nextRotation(facts(trusted))?.what).toBe('ConnectAuthority');
  });

  it('is tried again a day after it failed, and does not hold up what else is due', () => {
    const failed = facts({ failedAt: { ServerCertificates: day(241) } });
    expect(nextRotation(failed)).toMatchObject({ what: 'ServerCertificates', dueAt: day(242) });
    const again = facts({ failedAt: { ServerCertificates: day(400) } });
    expect(nextRotation(again)).toMatchObject({ what: 'AgentTokens', dueAt: day(365) });
  });

  it('is something as long as the cluster has anything that ends, certificates or not', () => {
    const bare = facts({ serverCertificates: [], certificateAuthority: undefined });
    expect(nextRotation(bare)).toMatchObject({ what: 'AgentTokens' });
  });

  it('leaves alone what other datacenters share, and goes on with the next', () => {
    const young = { serverCertificates: [life(2300, 360)], agentTokensSince: day(2300) };
    const federated = facts({ ...young, shared: ['CertificateAuthority'] });
    expect(nextRotation(federated)?.what).toBe('ConnectAuthority');
  });
});
