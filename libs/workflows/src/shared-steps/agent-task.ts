import type { Agent, AgentTaskKind, AgentTaskOf, AgentTaskResultOf, AgentTaskStatus } from '@managed-consul/agent-protocol';
import type { Server } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import type { Step } from '../services';
import { findLeader } from './consul-access';

/** How often a task is begun anew after a failure that may pass, before its reason ends the operation. */
const TRIES = 3;

/** How a task on a server stands: on its way, or with its result. */
export type TaskProgress<Kind extends AgentTaskKind> =
  | { state: 'running'; bytes: number | undefined }
  | { state: 'succeeded'; taskId: string; vmId: string; result: AgentTaskResultOf<Kind> };

/** A task as it is to be carried out; made for each try, because a try may need an address of its own. */
export interface TaskWish<Kind extends AgentTaskKind> {
  kind: Kind;
  /** Begins the id of each try; the same for the same work. */
  id: string;
  make(taskId: string, server: Server): Promise<AgentTaskOf<Kind>>;
}

/** The server that leads, or else any whose agent is connected. Throws TransientError while there is none. */
export async function serverForTask(step: Pick<Step, 'agents' | 'cluster' | 'secrets' | 'signal'>): Promise<Server> {
  const leader = await findLeader(step);
  return connectedServer(step, leader?.vmId);
}

/** `preferred` while its agent is connected, else the first of the others. */
export async function connectedServer(
  { agents, cluster }: Pick<Step, 'agents' | 'cluster'>,
  preferred: string | undefined,
): Promise<Server> {
  const inOrder = [...cluster.serverRecords].sort(
    (one, other) => Number(other.vmId === preferred) - Number(one.vmId === preferred),
  );
  for (const server of inOrder) if (await agents.isConnected(cluster.id, server.vmId)) return server;
  throw new TransientError('No agent of the cluster is connected.');
}

/**
 * Sees to it that a task runs on a server and says how it stands. Asks the agent and nobody else: after a restart it knows no
 * task and is given it again. A failure that may pass is followed by another try under another id. Throws TerminalError with
 * the agent's own reason.
 */
export async function driveTask<Kind extends AgentTaskKind>(
  step: Pick<Step, 'agents' | 'cluster' | 'signal'>,
  server: Server,
  wish: TaskWish<Kind>,
): Promise<TaskProgress<Kind>> {
  const agent = await step.agents.find(step.cluster.id, server.vmId);
  for (let attempt = 1; ; attempt += 1) {
    const taskId = `${wish.id}-${attempt}`;
    const status = await findOrStart(step, agent, server, taskId, wish);
    if (status.state === 'running') return { state: 'running', bytes: status.progress?.bytes };
    if (status.state === 'succeeded') return { state: 'succeeded', taskId, vmId: server.vmId, result: resultOf<Kind>(status) };
    const { code, message, mayPass } = status.error ?? { code: 'Unexpected', message: 'No reason was given.', mayPass: true };
    if (!mayPass || attempt >= TRIES) throw new TerminalError(code, message);
  }
}

async function findOrStart<Kind extends AgentTaskKind>(
  { signal }: Pick<Step, 'signal'>,
  agent: Agent,
  server: Server,
  taskId: string,
  wish: TaskWish<Kind>,
): Promise<AgentTaskStatus> {
  const known = await agent.findTask(taskId, signal);
  return known ?? agent.startTask<Kind>(taskId, await wish.make(taskId, server), signal);
}

function resultOf<Kind extends AgentTaskKind>(status: AgentTaskStatus): AgentTaskResultOf<Kind> {
  if (status.result) return status.result as AgentTaskResultOf<Kind>;
  throw new TransientError('The agent says that its task has succeeded, and gives no result.');
}

/** Whether a task that was driven may still be at work. Throws TransientError while the agent cannot be asked. */
export async function taskMayRun(
  { agents, cluster, signal }: Pick<Step, 'agents' | 'cluster' | 'signal'>,
  server: Server,
  id: string,
): Promise<boolean> {
  const agent = await agents.find(cluster.id, server.vmId);
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const status = await agent.findTask(`${id}-${attempt}`, signal);
    if (!status) return false;
    if (status.state === 'running') return true;
  }
  return false;
}
