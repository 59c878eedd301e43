import type { Requester } from '@managed-consul/access';
import {
  decideRepairNow,
  OPERATION_KINDS,
  recordClusterChange,
  refuseWhileUnfinished,
  requireManageable,
  type ClusterChange,
  type ClusterWithServers,
  type RemovePeerInput,
  type RotationTarget,
  type ServerInput,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from './change';
import { decideTask } from './rollouts/rollout-task';

/** What an operator has done to one server. */
export type ServerTask = 'Restart' | 'Redeploy' | 'Replace';

/** What an operator has done to one cluster: a rotation, a repair of what stands against it, or care of its servers. */
export type ClusterTask =
  | { task: RotationTarget | 'Repair' | 'TransferLeadership' }
  | { task: ServerTask; server: string }
  | { task: 'RemovePeer'; address: string };

const SERVER_TASKS = {
  Restart: {
    ...{ kind: OPERATION_KINDS.restartServer, type: 'ServerRestartRequested' },
    sentence: (name: string) => `The service restarts Consul on ${name}.`,
  },
  Redeploy: {
    ...{ kind: OPERATION_KINDS.redeployServer, type: 'ServerRedeploymentRequested' },
    sentence: (name: string) => `The service moves ${name} to another host of Azure.`,
  },
  Replace: {
    ...{ kind: OPERATION_KINDS.replaceServer, type: 'ServerReplacementRequested' },
    sentence: (name: string) => `The service puts a new server in the place of ${name}.`,
  },
} as const;

/**
 * The servers as they were last seen; the operation looks again before it takes anything down. A server that is alone carries the
 * whole cluster, which is the operator's to know.
 */
function requireOthersHealthy({ serverRecords }: ClusterWithServers, name: string): void {
  const unwell = serverRecords.find((server) => server.name !== name && server.healthy === false);
  if (!unwell) return;
  const message = `${unwell.name} was not healthy when it was last looked at, so ${name} has to stay. Have the cluster repaired first.`;
  throw new AppError('QuorumAtRisk', message);
}

function decideServerTask(cluster: ClusterWithServers, task: ServerTask, name: string): ClusterChange {
  const server = cluster.serverRecords.find((one) => one.name === name && one.membership === 'Member');
  if (!server) {
    const names = cluster.serverRecords.map((one) => one.name).join(', ');
    throw new AppError('ResourceNotFound', `The cluster has no server ${name}. It has ${names || 'none'}.`);
  }
  requireOthersHealthy(cluster, name);
  const { kind, type, sentence } = SERVER_TASKS[task];
  const input: ServerInput = { vmId: server.vmId };
  return { kind, input, event: { type, message: sentence(name) } };
}

function decideTransfer({ serverRecords }: ClusterWithServers): ClusterChange {
  if (serverRecords.length < 2) throw new AppError('Conflict', 'The cluster has one server, and nobody else can lead.');
  const message = 'The service has another server lead.';
  return { kind: OPERATION_KINDS.transferLeadership, input: {}, event: { type: 'LeadershipTransferRequested', message } };
}

function decidePeerRemoval({ serverRecords }: ClusterWithServers, address: string): ClusterChange {
  const server = serverRecords.find((one) => one.address === address);
  if (server)
    throw new AppError(
      'Conflict',
      `${server.name} is at ${address} and is a server of the cluster. Have it replaced, or the cluster repaired.`,
    );
  const input: RemovePeerInput = { address };
  const event = { type: 'PeerRemovalRequested', message: `The service takes the failed peer at ${address} out of Raft.` };
  return { kind: OPERATION_KINDS.removePeer, input, event };
}

async function decide(
  tx: Transaction,
  cluster: ClusterWithServers,
  wish: ClusterTask,
  reason: string,
  clock: Clock,
): Promise<ClusterChange> {
  switch (wish.task) {
    case 'Repair':
      return decideRepairNow(tx, cluster.id);
    case 'Restart':
    case 'Redeploy':
    case 'Replace':
      return decideServerTask(cluster, wish.task, wish.server);
    case 'TransferLeadership':
      return decideTransfer(cluster);
    case 'RemovePeer':
      return decidePeerRemoval(cluster, wish.address);
    default:
      return decideTask(tx, cluster, { id: cluster.id, task: wish.task, consulVersion: null, reason }, clock);
  }
}

/**
 * Asks for a task at one cluster as an operation; neither the customer's window nor a freeze holds it up. Throws ResourceNotFound,
 * Conflict for a cluster that takes no change, OperationInProgress, QuorumAtRisk, and ClusterFederated for keys that it has in common
 * with others.
 */
export async function planClusterTask(
  tx: Transaction,
  clusterId: string,
  wish: ClusterTask,
  { requester, reason }: { requester: Requester; reason: string },
  clock: Clock = systemClock,
): Promise<Change> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId, deletedAt: null }, include: { serverRecords: true } });
  if (!cluster) throw new AppError('ResourceNotFound', `There is no cluster ${clusterId}.`);
  await refuseWhileUnfinished(tx, clusterId);
  requireManageable(cluster);
  const change = await decide(tx, cluster, wish, reason, clock);
  return {
    action: change.kind,
    summary: change.event.message,
    before: { provisioningState: cluster.provisioningState },
    after: { kind: change.kind, input: JSON.stringify(change.input) },
    clusterId,
    installationId: cluster.installationId,
    apply: async () => {
      await recordClusterChange(tx, cluster, change, { operator: requester }, clock);
    },
  };
}
