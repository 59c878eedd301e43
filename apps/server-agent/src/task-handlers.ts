import type { ConsulSupervisor } from './consul-supervisor';
import type { ConsulAddress } from './consul-configuration';
import type { InstanceMetadata } from './instance-metadata';
import { takeSnapshot } from './take-snapshot';
import { TaskFailedError } from './task-error';
import type { TaskHandlers } from './task-runner';

/** Every kind of task with what it needs of this machine. */
export function createTaskHandlers({
  supervisor,
  metadata,
}: {
  supervisor: ConsulSupervisor;
  metadata: InstanceMetadata;
}): TaskHandlers {
  const readToken = (audience: string) => metadata.readToken(audience);
  const consul = (): ConsulAddress => {
    const address = supervisor.address();
    if (!address) throw new TaskFailedError('ConsulNotReachable', 'This machine has no Consul yet.', { mayPass: true });
    return address;
  };
  return {
    'take-snapshot': async (task, context) => takeSnapshot(task, { address: consul(), readToken }, context),
  };
}
