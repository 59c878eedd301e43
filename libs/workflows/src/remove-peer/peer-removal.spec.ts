import type { AutopilotHealth, ConsulMember, RaftServer } from '@managed-consul/consul';
import { expect, test } from 'vitest';
import { refuseRemoval } from './peer.steps';

const peer = (name: string, more: Partial<RaftServer> = {}): RaftServer => ({
  ...{ ID: `id-${name}`, Node: name, Address: `${name}:8300`, Leader: false, Voter: true },
  ...more,
});
const healthOf = (names: readonly string[]): AutopilotHealth => ({
  ...{ Healthy: true, FailureTolerance: 0 },
  Servers: names.map((name) => ({
    ...{ ID: name, Name: name, Address: `${name}:8300`, SerfStatus: 'alive', Version: '1.8.7', Leader: false, Healthy: true },
    ...{ Voter: true, StableSince: '', LastIndex: 1, LastTerm: 1 },
  })),
});
const failed: ConsulMember = { name: 'a', address: 'a', state: 'failed', isServer: true };

const codeOf = (
  of: RaftServer,
  more: { peers?: RaftServer[]; members?: ConsulMember[]; healthy?: string[]; servers?: string[] } = {},
) => {
  const { peers = [of, peer('b'), peer('c')], members = [failed], healthy = ['b', 'c'], servers = ['b', 'c'] } = more;
  return refuseRemoval(of, { address: 'a', peers, members, health: healthOf(healthy), servers })?.code;
};

test.each([
  ['one that failed, while the others are well, is taken out', codeOf(peer('a')), undefined],
  ['one that gossip has forgotten as well', codeOf(peer('a'), { members: [] }), undefined],
  ['a server of the cluster is not', codeOf(peer('a'), { servers: ['a', 'b', 'c'] }), 'PeerIsServer'],
  ['the leader is not', codeOf(peer('a', { Leader: true })), 'PeerLeads'],
  ['one that is alive is not', codeOf(peer('a'), { members: [{ ...failed, state: 'alive' }] }), 'PeerAlive'],
  ['none is while half of the others are unwell', codeOf(peer('a'), { healthy: ['b'] }), 'QuorumAtRisk'],
  ['nor the last but one', codeOf(peer('a'), { peers: [peer('a')], healthy: [] }), 'QuorumAtRisk'],
  [
    'voters count, not the others',
    codeOf(peer('a'), { peers: [peer('a'), peer('b'), peer('c', { Voter: false })], healthy: ['b'] }),
    undefined,
  ],
])('%s', (_, code, expected) => {
  expect(code).toBe(expected);
});
