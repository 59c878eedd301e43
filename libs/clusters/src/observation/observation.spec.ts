import { describe, expect, it } from 'vitest';
import { hours } from '@managed-consul/config';
import { changedConditions, observeCondition, type Condition } from '../conditions';
import type { ClusterFacts, FederationFacts, ServerFacts } from './facts';
import { countFindings, findInFederation, findInServers } from './findings';
import { backupCondition, certificatesCondition, versionCondition } from './record-conditions';
import { conditionsFrom, FEDERATION_RULES, SERVER_RULES } from './server-conditions';

const NOW = new Date('2026-05-01T00:00:00Z');
const later = (by: number) => new Date(NOW.getTime() + by);

const server = (name: string, changes: Partial<ServerFacts> = {}): ServerFacts => ({
  name,
  vmId: `vm-${name}`,
  agentConnected: true,
  consulRunning: true,
  consulVersion: '1.8.7',
  raftRole: 'voter',
  healthy: true,
  ...changes,
});
const away = { agentConnected: false, consulRunning: undefined, consulVersion: undefined } as const;
const unseen = { raftRole: undefined, healthy: undefined } as const;
const facts = (hasLeader: boolean, ...servers: ServerFacts[]): ClusterFacts => ({ hasLeader, servers });
const reasons = (given: ClusterFacts) => findInServers(given).map(({ reason, about }) => `${reason} ${about}`.trim());

describe('what is found wrong with servers', () => {
  it('is nothing when all run, report and are healthy', () => {
    expect(reasons(facts(true, server('a'), server('b'), server('c')))).toEqual([]);
  });

  it('names the server that is down, away or unhealthy', () => {
    const down = server('a', { consulRunning: false, healthy: false });
    expect(reasons(facts(true, down, server('b', { ...away }), server('c', { healthy: false })))).toEqual([
      'ServerDown a',
      'AgentAway b',
      'ServerUnhealthy c',
    ]);
  });

  it('is a lost quorum only when too few can be seen running, and tells what to do', () => {
    const stopped = { consulRunning: false, ...unseen } as const;
    const lost = facts(false, server('a', unseen), server('b', stopped), server('c', stopped));
    expect(reasons(lost)[0]).toBe('QuorumLost');
    expect(findInServers(lost)[0]?.message).toContain('recover the quorum');
    expect(reasons(facts(false, server('a', unseen), server('b', unseen), server('c', stopped)))[0]).toBe('NoLeader');
  });

  it('is no lost quorum when no agent reports: then nothing is known', () => {
    const silent = facts(false, server('a', { ...away, ...unseen }), server('b', { ...away, ...unseen }));
    expect(reasons(silent)[0]).toBe('NotReachable');
  });
});

describe('what is found wrong in a federation', () => {
  const primary: FederationFacts = { follows: undefined, expected: ['b', 'c'], alive: ['a', 'b', 'c'], copiesTokens: undefined };
  const follows = { datacenter: 'a', isGone: false };
  const secondary: FederationFacts = { follows, expected: ['a'], alive: ['b', 'a'], copiesTokens: true };
  const found = (facts: FederationFacts) => findInFederation(facts).map(({ reason, about }) => `${reason} ${about}`.trim());

  it('is nothing when each sees the other and tokens are copied', () => {
    expect([found(primary), found(secondary)]).toEqual([[], []]);
    expect(found({ ...primary, expected: [], alive: ['a'] })).toEqual([]);
  });

  it('names the datacenter of which no server is alive, and does not wonder then that nothing is copied', () => {
    expect(found({ ...primary, alive: ['a', 'c'] })).toEqual(['DatacenterNotSeen b']);
    expect(found({ ...secondary, alive: ['b'], copiesTokens: false })).toEqual(['DatacenterNotSeen a']);
  });

  it('is copying that has stopped although the primary lives, and a primary that is gone', () => {
    expect(found({ ...secondary, copiesTokens: false })).toEqual(['TokensNotCopied']);
    const orphan = { ...secondary, follows: { datacenter: 'a', isGone: true }, alive: ['b'], copiesTokens: undefined };
    expect(found(orphan)).toEqual(['PrimaryDatacenterMissing a']);
  });

  it('is said of the federation once a second look has seen it too', () => {
    const said = (seen: ReturnType<typeof countFindings>) =>
      conditionsFrom(FEDERATION_RULES, seen).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
    expect(said([])).toEqual(['Federated True AllDatacentersSeen']);
    const first = countFindings([], findInFederation({ ...primary, alive: ['a'] }), NOW);
    expect(said(first)).toEqual([]);
    const second = countFindings(first, findInFederation({ ...primary, alive: ['a'] }), NOW);
    expect(said(second)).toEqual(['Federated False DatacenterNotSeen']);
  });
});

describe('conditions', () => {
  const look = (before: ReturnType<typeof countFindings>, given: ClusterFacts) =>
    countFindings(before, findInServers(given), NOW);
  const said = (findings: ReturnType<typeof countFindings>) =>
    conditionsFrom(SERVER_RULES, findings).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  const down = facts(true, server('a', { consulRunning: false }), server('b'), server('c'));

  it('change with the second look in a row that sees the same, and stay as they were with the first', () => {
    const first = look([], down);
    expect(said(first)).toEqual(['Available True LeaderElected', 'AgentsConnected True AllConnected']);
    const second = look(first, down);
    expect(said(second)).toContain('Degraded True ServerDown');
    const gone = look(second, facts(true, server('a'), server('b'), server('c')));
    expect(said(gone)).toContain('Degraded False AllServersHealthy');
    expect(look(gone, down).map(({ looks }) => looks)).toEqual([1]);
  });

  it('say the gravest reason and all sentences', () => {
    const both = facts(true, server('a', { consulRunning: false }), server('b', { healthy: false }), server('c'));
    const [degraded] = conditionsFrom(SERVER_RULES, look(look([], both), both)).filter(({ type }) => type === 'Degraded');
    expect(degraded?.reason).toBe('ServerDown');
    expect(degraded?.message).toBe('Consul does not run on a. The other servers find b unhealthy.');
  });

  it('are news when status or reason change, and of a first look only what is wrong', () => {
    const good = { type: 'Available', status: 'True', reason: 'LeaderElected', message: '' } as const;
    const bad = { type: 'Degraded', status: 'True', reason: 'ServerDown', message: '' } as const;
    const before: Condition[] = [];
    const after = [good, bad].reduce((all, one) => observeCondition(all, one, NOW), before);
    expect(changedConditions(before, after).map(({ type }) => type)).toEqual(['Degraded']);
    const worse = observeCondition(after, { ...bad, reason: 'ServerUnhealthy' }, NOW);
    expect(changedConditions(after, worse).map(({ reason }) => reason)).toEqual(['ServerUnhealthy']);
    expect(changedConditions(after, observeCondition(after, { ...bad, message: 'in other words' }, NOW))).toEqual([]);
  });

  it('call a snapshot late at twice its interval, and an empty history late as soon', () => {
    const status = (lastSnapshotAt: Date | undefined, readyAt: Date) =>
      backupCondition({ lastSnapshotAt, readyAt, interval: hours(24) }, NOW).reason;
    expect(status(later(-hours(47)), later(-hours(900)))).toBe('SnapshotRecent');
    expect(status(later(-hours(49)), later(-hours(900)))).toBe('SnapshotOverdue');
    expect(status(undefined, later(-hours(1)))).toBe('NoSnapshotYet');
    expect(status(undefined, later(-hours(49)))).toBe('SnapshotOverdue');
  });

  it('look at the certificate that ends first', () => {
    const reason = (...ends: Date[]) => certificatesCondition(ends, NOW).reason;
    expect(reason(later(hours(24 * 300)), later(hours(24 * 31)))).toBe('InForce');
    expect(reason(later(hours(24 * 300)), later(hours(24 * 29)))).toBe('ExpiresSoon');
    expect(reason(later(hours(24 * 300)), later(-1))).toBe('Expired');
    expect(reason()).toBe('NoCertificates');
  });

  it('tell servers that differ, a blocked version and a better one, in that order', () => {
    const reason = (changes: Partial<Parameters<typeof versionCondition>[0]>) =>
      versionCondition({ wanted: '1.8.7', running: ['1.8.7'], blockedReason: undefined, newer: undefined, ...changes }).reason;
    expect(reason({})).toBe('Newest');
    expect(reason({ newer: '1.8.19' })).toBe('NewerVersion');
    expect(reason({ newer: '1.8.19', blockedReason: 'it loses data.' })).toBe('VersionBlocked');
    expect(reason({ running: ['1.8.7', '1.8.9'], blockedReason: 'it loses data.' })).toBe('ServersDiffer');
    expect(reason({ running: [] })).toBe('NotReachable');
  });
});
