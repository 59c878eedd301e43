import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import type { AgentTaskOf, MoveLeadershipResult } from '@managed-consul/agent-protocol';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { ConsulAddress } from './consul-configuration';
import { askConsulForJson } from './consul-request';
import type { TaskContext } from './task-runner';

/** What a server shows to the others of its cluster. */
export interface ServerCredential {
  ca: string;
  certificate: string;
  key: string;
  serverName: string;
}

/** First byte of a connection to a server's RPC port: what follows is RPC over TLS (Consul, agent/pool/conn.go). */
const RPC_OVER_TLS = 0x03;
/** Then, inside TLS: the connection is Raft's own, and the first message is TimeoutNow (hashicorp/raft, net_transport.go). */
const RAFT = 0x01;
const TIMEOUT_NOW = 0x03;
/** MessagePack: a map of one pair, `ProtocolVersion: 3`. */
const PROTOCOL_VERSION_3 = Buffer.concat([Buffer.from([0x81, 0xaf]), Buffer.from('ProtocolVersion'), Buffer.from([0x03])]);

const SEND_TIMEOUT = seconds(2);
/** An election that was asked for is won within this, or was lost: measured on 1.8.7. */
const ELECTION_TIME: Milliseconds = 120;
const LOOK_INTERVAL: Milliseconds = 10;
const LEADER_TIMEOUT = seconds(15);
const ROUNDS = 2;

/**
 * Makes one of the given servers the leader, in their order of preference. Consul below 1.15 has no call for that, but its
 * Raft takes `TimeoutNow`, by which a server stands for election at once and the others vote for it although they have a
 * leader. A candidate that lacks the newest entry loses, and has brought the leader down all the same: the next is asked at once,
 * since nothing can be written meanwhile, and not when an election that nobody asked for is through.
 */
export async function moveLeadership(
  { to }: AgentTaskOf<'move-leadership'>,
  { address, credential, rpcPort }: { address: ConsulAddress; credential: ServerCredential; rpcPort: number },
  { signal }: TaskContext,
): Promise<MoveLeadershipResult> {
  const wanted = to.map((candidate) => candidate.address);
  const leader = () => leaderAddress(address, signal);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const candidate of wanted) {
      const before = await leader();
      if (before !== undefined && wanted.includes(before)) return { moved: true, leaderAddress: before };
      await sendTimeoutNow(candidate, rpcPort, credential, signal);
      await until(async () => (await leader()) === candidate, ELECTION_TIME, signal);
    }
  }
  const leaderNow = await settledLeader(leader, signal);
  return { moved: leaderNow !== undefined && wanted.includes(leaderNow), leaderAddress: leaderNow ?? null };
}

/** The leader's address as this machine's server sees it; undefined while there is none. */
async function leaderAddress(address: ConsulAddress, signal: AbortSignal): Promise<string | undefined> {
  const answer = await askConsulForJson({ address, path: '/v1/status/leader', signal, timeout: SEND_TIMEOUT }).catch(() => '');
  return typeof answer === 'string' && answer !== '' ? answer.replace(/:\d+$/, '') : undefined;
}

async function settledLeader(leader: () => Promise<string | undefined>, signal: AbortSignal): Promise<string | undefined> {
  let found: string | undefined;
  await until(async () => (found = await leader()) !== undefined, LEADER_TIMEOUT, signal);
  return found;
}

async function until(isSo: () => Promise<boolean>, limit: Milliseconds, signal: AbortSignal): Promise<void> {
  const end = Date.now() + limit;
  while (!(await isSo()) && Date.now() < end) await wait(LOOK_INTERVAL, undefined, { signal });
}

/** Asks a server to stand for election. One that cannot be reached does not: who leads afterwards is looked at, not what it answers. */
async function sendTimeoutNow(host: string, port: number, credential: ServerCredential, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT)]);
  let socket: TLSSocket | undefined;
  try {
    socket = await openRaftConnection(host, port, credential, limit);
    socket.write(Buffer.concat([Buffer.from([RAFT, TIMEOUT_NOW]), PROTOCOL_VERSION_3]));
    await once(socket, 'data', { signal: limit });
  } catch {
    signal.throwIfAborted();
  } finally {
    socket?.destroy();
  }
}

async function openRaftConnection(
  host: string,
  port: number,
  credential: ServerCredential,
  limit: AbortSignal,
): Promise<TLSSocket> {
  const plain = connectTcp({ host, port, signal: limit });
  await once(plain, 'connect', { signal: limit });
  plain.write(Buffer.from([RPC_OVER_TLS]));
  const { ca, certificate, key, serverName } = credential;
  const socket = connectTls({ socket: plain, ca, cert: certificate, key, servername: serverName });
  socket.on('error', () => plain.destroy());
  await once(socket, 'secureConnect', { signal: limit });
  return socket;
}
