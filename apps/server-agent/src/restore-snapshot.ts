import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { AgentTaskOf, RestoreSnapshotResult } from '@managed-consul/agent-protocol';
import { minutes, type Milliseconds } from '@managed-consul/config';
import type { ConsulAddress } from './consul-configuration';
import { waitUntilLed } from './consul-leadership';
import { askConsul } from './consul-request';
import { fetchSnapshot } from './fetch-snapshot';
import type { TaskContext } from './task-runner';
import type { WorkFolder } from './work-folder';

const RESTORE_TIMEOUT = minutes(30);

/** An election takes seconds; a leader that could not begin tries again after five. */
const LED_WITHIN = minutes(1);

/** Puts a stored snapshot in the place of the cluster's state. Consul is not asked before the whole snapshot is here and good. */
export async function restoreSnapshot(
  task: AgentTaskOf<'restore-snapshot'>,
  { address, work }: { address: ConsulAddress; work: WorkFolder },
  context: TaskContext,
): Promise<RestoreSnapshotResult> {
  return work.with(async (folder) => {
    const path = join(folder, 'snapshot.tgz');
    const { raftIndex, raftTerm, sizeBytes } = await fetchSnapshot(task, path, context);
    await putSnapshot(path, sizeBytes, { address, token: task.consulToken, signal: context.signal });
    return { raftIndex, raftTerm, sizeBytes };
  });
}

/**
 * Gives Consul the archive in a file once its leader can take it; returns when it has taken its state. A refused token is waited
 * for as well: a restore that was cut short takes it away until the leader makes it again.
 */
export async function putSnapshot(
  path: string,
  sizeBytes: number,
  to: { address: ConsulAddress; token: string; signal: AbortSignal },
  ledWithin: Milliseconds = LED_WITHIN,
): Promise<void> {
  await waitUntilLed(to, { within: ledWithin, mayPass: () => true });
  const body = createReadStream(path);
  const answer = await askConsul({
    ...to,
    method: 'PUT',
    path: '/v1/snapshot',
    body,
    bodyBytes: sizeBytes,
    timeout: RESTORE_TIMEOUT,
  });
  answer.resume();
}
