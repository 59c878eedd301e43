import type { AutopilotHealth, RaftServer } from '@managed-consul/consul';
import { describe, expect, it } from 'vitest';
import { autopilotIsHealthy, everyServerVotes } from './server-health';

const peer = (address: string, changes: Partial<RaftServer> = {}): RaftServer => ({
  ID: address,
  Node: address,
  Address: `${address}:8300`,
  Leader: false,
  Voter: true,
  ...changes,
});

const addresses = ['10.0.0.4', '10.0.0.5', '10.0.0.6'];
const three = [peer('10.0.0.4', { Leader: true }), peer('10.0.0.5'), peer('10.0.0.6')];

describe('every server votes', () => {
  it('when Raft has exactly the servers as voters, one of them leading', () => {
    expect(everyServerVotes(three, addresses)).toBe(true);
  });

  it.each([
    ['nobody leads', three.map((one) => ({ ...one, Leader: false }))],
    ['one is still no voter', [...three.slice(0, 2), peer('10.0.0.6', { Voter: false })]],
    ['one is missing', three.slice(0, 2)],
    ['a stranger is among them', [...three, peer('10.0.0.7')]],
    ['one has the address of another', [...three.slice(0, 2), peer('10.0.0.9')]],
  ])('is not so when %s', (_what, peers) => {
    expect(everyServerVotes(peers, addresses)).toBe(false);
  });
});

describe('autopilot', () => {
  const server = {
    ID: '',
    Name: '',
    Address: '',
    SerfStatus: 'alive',
    Version: '',
    Leader: false,
    StableSince: '',
    LastIndex: 0,
    LastTerm: 0,
  };
  const health = (states: boolean[]): AutopilotHealth => ({
    Healthy: states.every(Boolean),
    FailureTolerance: 1,
    Servers: states.map((Healthy) => ({ ...server, Healthy, Voter: true })),
  });

  it('is content only with all servers that there should be', () => {
    expect(autopilotIsHealthy(health([true, true, true]), 3)).toBe(true);
    expect(autopilotIsHealthy(health([true, true]), 3)).toBe(false);
    expect(autopilotIsHealthy(health([true, true, false]), 3)).toBe(false);
  });
});
