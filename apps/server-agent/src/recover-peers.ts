import { rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { AgentTaskOf, RecoverPeersResult } from '@managed-consul/agent-protocol';
import { minutes } from '@managed-consul/config';
import { writeFileAtomically } from './atomic-file';
import type { ConsulAddress } from './consul-configuration';
import { CONSUL_PATHS, type ConsulFolder } from './consul-folder';
import { lastErrorLine } from './consul-log';
import { askConsul } from './consul-request';
import type { ConsulSupervisor } from './consul-supervisor';
import { TaskFailedError } from './task-error';
import type { TaskContext } from './task-runner';

const START_TIMEOUT = minutes(2);
const LOOK_INTERVAL = 100;
const PEERS_FILE = 'data/raft/peers.json';

/**
 * Tells this server who the cluster's servers are, in the place of what it remembers: Consul reads `peers.json` when it
 * starts, once, and removes it (https://developer.hashicorp.com/consul/docs/manage/disaster-recovery). Only for a cluster that has
 * lost its quorum for good: entries that only the lost servers had are gone.
 */
export async function recoverPeers(
  { peers }: AgentTaskOf<'recover-peers'>,
  { supervisor, folder, address }: { supervisor: ConsulSupervisor; folder: ConsulFolder; address: ConsulAddress },
  { signal }: TaskContext,
): Promise<RecoverPeersResult> {
  const content = peers.map(({ id, address: host }) => ({ id, address: `${host}:${address.rpcPort}`, non_voter: false }));
  const path = folder.at(PEERS_FILE);
  await supervisor.restartAfter(() => writeFileAtomically(path, JSON.stringify(content), 0o600));
  const end = Date.now() + START_TIMEOUT;
  while (!(await answers(address, signal))) {
    const { consul } = await supervisor.state();
    if (!consul.running || Date.now() > end) {
      // Else Consul would stumble over it at every start.
      await rm(path, { force: true });
      const line = await lastErrorLine(folder.at(CONSUL_PATHS.log));
      throw new TaskFailedError('ConsulDidNotStart', `Consul did not start with the new list of servers. Its log says: ${line}`, {
        mayPass: false,
      });
    }
    await wait(LOOK_INTERVAL, undefined, { signal });
  }
  return { peers: peers.length };
}

async function answers(address: ConsulAddress, signal: AbortSignal): Promise<boolean> {
  try {
    (await askConsul({ address, path: '/v1/status/leader', signal })).resume();
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
