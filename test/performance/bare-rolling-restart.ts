/** The least that a person with a shell would do: restart one server after the other, the leader last, and wait for each. */
import { until } from '@managed-consul/testing';
import { askConsul, type ConsulTarget } from '../support/consul-https';
import type { BareCluster } from './bare-cluster';

const PATIENCE = { within: 60_000 };

async function read<Answer>(target: ConsulTarget, path: string): Promise<Answer> {
  const { status, body } = await askConsul(target, 'GET', path);
  if (status !== 200) throw new Error(`${path} answered ${status}`);
  return JSON.parse(body) as Answer;
}

const leaderOf = async (target: ConsulTarget): Promise<string> =>
  (await read<string>(target, '/v1/status/leader')).replace(/:\d+$/, '');

interface Self {
  Stats: { raft: { applied_index: string; commit_index: string } };
}

/** Whether a restarted server has applied what the leader had committed, and all servers are healthy voters. */
async function isBack(target: ConsulTarget, targets: readonly ConsulTarget[]): Promise<boolean> {
  const leading = await leaderOf(target);
  const leader = targets.find(({ address }) => address === leading);
  if (!leader) return false;
  const committed = Number((await read<Self>(leader, '/v1/agent/self')).Stats.raft.commit_index);
  const applied = Number((await read<Self>(target, '/v1/agent/self')).Stats.raft.applied_index);
  const { Servers } = await read<{ Servers: { Healthy: boolean; Voter: boolean }[] }>(leader, '/v1/operator/autopilot/health');
  return applied >= committed && Servers.filter(({ Healthy, Voter }) => Healthy && Voter).length === targets.length;
}

/** Restarts every server of the cluster, with another program if one is given. */
export async function rollingRestart(cluster: BareCluster, consulBinary?: string): Promise<void> {
  const { targets } = cluster;
  const [first] = targets;
  if (!first) throw new Error('a cluster needs a server');
  const leader = await leaderOf(first);
  const order = [...targets].sort((one, other) => Number(one.address === leader) - Number(other.address === leader));
  for (const target of order) {
    await cluster.restart(targets.indexOf(target), consulBinary);
    await until(() => isBack(target, targets), { ...PATIENCE, because: 'the restarted server is back' });
  }
}
