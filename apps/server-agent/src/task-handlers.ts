import { drillSnapshot } from './drill-snapshot';
import { recoverPeers } from './recover-peers';
import { restoreSnapshot } from './restore-snapshot';
import type { WorkFolder } from './work-folder';
import type { ConsulBinaries } from './consul-binary';
import type { ConsulSupervisor } from './consul-supervisor';
import type { ConsulAddress } from './consul-configuration';
import type { ConsulFolder } from './consul-folder';
import type { InstanceMetadata } from './instance-metadata';
import { moveLeadership } from './move-leadership';
import { takeSnapshot } from './take-snapshot';
import { TaskFailedError } from './task-error';
import type { TaskHandlers } from './task-runner';

export interface TaskHandlersOptions {
  supervisor: ConsulSupervisor;
  binaries: ConsulBinaries;
  work: WorkFolder;
  folder: ConsulFolder;
  metadata: InstanceMetadata;
}

/** Every kind of task with what it needs of this machine. */
export function createTaskHandlers({ supervisor, folder, binaries, work, metadata }: TaskHandlersOptions): TaskHandlers {
  const readToken = (audience: string) => metadata.readToken(audience);
  const consul = (): ConsulAddress => {
    const address = supervisor.address();
    if (!address) throw new TaskFailedError('ConsulNotReachable', 'This machine has no Consul yet.', { mayPass: true });
    return address;
  };
  return {
    'take-snapshot': async (task, context) => takeSnapshot(task, { address: consul(), readToken }, context),
    'restore-snapshot': async (task, context) => restoreSnapshot(task, { address: consul(), work }, context),
    'drill-snapshot': async (task, context) =>
      drillSnapshot(task, { binaries, work, datacenter: supervisor.datacenter() ?? 'drill' }, context),
    'recover-peers': async (task, context) => recoverPeers(task, { supervisor, folder, address: consul() }, context),
    'move-leadership': async (task, context) => {
      const address = consul();
      const credential = { ...(await folder.readCredential()), serverName: address.serverName };
      return moveLeadership(task, { address, credential, rpcPort: address.rpcPort }, context);
    },
  };
}
