import { compareVersionsDescending, listConsulVersions, planUpgrade } from '@managed-consul/consul-versions';
import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { consulOn, managementToken } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { inOrderFollowersFirst } from '../shared-steps/rolling';
import { whatServerLacks } from '../shared-steps/server-gates';
import { itemOf } from '../shared-steps/server-of-item';

const inputSchema = z.object({ hops: z.array(z.string()).min(1), safetySnapshotId: z.uuid(), automatic: z.boolean() });

/** Where the upgrade is to end. */
const targetOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).hops.at(-1) ?? '';

/** Room that a machine needs for another program beside the one that runs, and for what Consul writes meanwhile. */
const FREE_BYTES = 512 * 1024 * 1024;

/** What Consul on a server says of itself: neither our records nor the agent's label decide. */
export async function versionRunBy(step: Step, server: Server): Promise<string> {
  return (await (await consulOn(step, server, await managementToken(step))).self()).version;
}

async function versionsByServer(step: Step): Promise<Record<string, string>> {
  const { serverRecords } = step.cluster;
  return Object.fromEntries(
    await Promise.all(serverRecords.map(async (server) => [server.vmId, await versionRunBy(step, server)] as const)),
  );
}

/** From what the servers really run now, which may be another way than the one that was asked for. */
async function planHops(step: Step, versions: readonly string[]): Promise<string[]> {
  const to = targetOf(step);
  // An attempt before this one may have brought every server there and then failed.
  if (versions.every((version) => version === to)) return [];
  const plan = planUpgrade({ from: versions, to, catalogue: await listConsulVersions(step.database) });
  if (plan.kind === 'refusal') throw new TerminalError(plan.code, plan.message);
  return plan.hops.map(({ version }) => version);
}

/** Time has passed since the request: asks the servers what they run, and plans again from that. */
export async function confirmUpgrade(step: Step) {
  const { cluster } = step;
  if (cluster.powerState !== 'Running' || cluster.provisioningState !== 'Updating' || cluster.serverRecords.length === 0) {
    const state = cluster.powerState === 'Running' ? cluster.provisioningState : cluster.powerState;
    throw new TerminalError('ClusterNotReady', `The cluster is ${state}. Ask for the upgrade again when it runs.`);
  }
  const versions = await versionsByServer(step);
  return done({ versions, hops: await planHops(step, Object.values(versions)) });
}

/** Done when no server lacks anything: an upgrade mends nothing, it needs all others while one is away. */
export async function everyServerIsFit(step: Step) {
  const { cluster, agents, signal } = step;
  for (const server of cluster.serverRecords) {
    const lack = await whatServerLacks(step, server);
    if (lack !== undefined) return waitFor(lack, SERVER_LOOK);
    const { disk } = await (await agents.find(cluster.id, server.vmId)).health(signal);
    if (disk.freeBytes < FREE_BYTES) return waitFor(`The disk of ${server.name} is nearly full`, SERVER_LOOK * 10);
  }
  return done();
}

const isOlder = (version: string, other: string): boolean => compareVersionsDescending(version, other) > 0;

/**
 * One server after the other, hop by hop; each hop goes through all servers before the next begins. After a hop the one that
 * was last leads no more, so the next hop begins with it: that way leadership moves once in a hop. Servers that are there
 * already are left alone.
 */
export async function hopsThroughServers(step: Step): Promise<string[]> {
  const { hops, versions } = step.outputOf(confirmUpgrade);
  const servers = await inOrderFollowersFirst(step);
  return hops.flatMap((hop, index) => {
    const order = index % 2 === 0 ? servers : [...servers].reverse();
    return order.filter(({ vmId }) => isOlder(versions[vmId] ?? hop, hop)).map((server) => itemOf(hop, server));
  });
}

/** The version of the round that `forEachServer` is at. */
export const hopOf = (item: string): string => item.slice(0, item.lastIndexOf('/'));

/** What the server of an item ran before its round. */
export function versionBefore(step: Step, item: string): string {
  const { hops, versions } = step.outputOf(confirmUpgrade);
  const found = versions[item.slice(item.lastIndexOf('/') + 1)] ?? step.cluster.consulVersion;
  const hopBefore = hops[hops.indexOf(hopOf(item)) - 1];
  return hopBefore !== undefined && isOlder(found, hopBefore) ? hopBefore : found;
}
