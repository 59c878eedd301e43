/** `instanceView` of scale sets and of instances: what the power and the first boot of the machines say. */
import type { StoredResource } from '../arm/resource';
import type { Machine } from '../machine';

export interface InstanceStatus {
  readonly code: string;
  readonly level: 'Info' | 'Error' | 'Warning';
  readonly displayStatus: string;
  readonly message?: string;
  readonly time?: string;
}

const POWER_WORDS = { running: 'VM running', stopped: 'VM stopped', deallocated: 'VM deallocated' } as const;

function provisioningStatus(instance: StoredResource, machine: Machine | undefined): InstanceStatus {
  const provisioning = machine?.record.provisioning;
  const time = provisioning?.finishedAt === undefined ? {} : { time: provisioning.finishedAt };
  if (provisioning?.state === 'failed') {
    return {
      code: 'ProvisioningState/failed/OSProvisioningClientError',
      level: 'Error',
      displayStatus: 'OS provisioning failed',
      message: provisioning.error ?? '',
      ...time,
    };
  }
  const state = String(instance.properties['provisioningState']);
  const words: Readonly<Record<string, string>> = { Succeeded: 'Provisioning succeeded', Failed: 'Provisioning failed' };
  return { code: `ProvisioningState/${state.toLowerCase()}`, level: 'Info', displayStatus: words[state] ?? state, ...time };
}

/** Statuses of one instance: how its making went, and its power once it has a machine. */
export function statusesOf(instance: StoredResource, machine: Machine | undefined): InstanceStatus[] {
  const provisioning = provisioningStatus(instance, machine);
  if (!machine) return [provisioning];
  const { power } = machine.record;
  return [provisioning, { code: `PowerState/${power}`, level: 'Info', displayStatus: POWER_WORDS[power] }];
}

function agentOf(machine: Machine | undefined): object {
  const isReady = machine?.record.power === 'running' && machine.record.provisioning.state === 'succeeded';
  const status: InstanceStatus = isReady
    ? { code: 'ProvisioningState/succeeded', level: 'Info', displayStatus: 'Ready', message: 'Guest Agent is running' }
    : {
        code: 'ProvisioningState/Unavailable',
        level: 'Warning',
        displayStatus: 'Not Ready',
        message: 'VM status blob is found but not yet populated.',
      };
  return { vmAgentVersion: isReady ? '2.9.1.1' : 'Unknown', statuses: [status], extensionHandlers: [] };
}

/** The body of an instance's `instanceView`. */
export function instanceView(instance: StoredResource, machine: Machine | undefined): object {
  const [provisioning] = statusesOf(instance, machine);
  return {
    ...(machine ? { computerName: machine.record.description.computerName, osName: 'debian' } : {}),
    platformUpdateDomain: 0,
    platformFaultDomain: 0,
    vmAgent: agentOf(machine),
    disks: [{ name: `${instance.name}_OsDisk`, statuses: [provisioning] }],
    bootDiagnostics: {},
    statuses: statusesOf(instance, machine),
  };
}

/** The body of a scale set's `instanceView`: how many instances are in which state. */
export function scaleSetView(
  set: StoredResource,
  instances: readonly { instance: StoredResource; machine: Machine | undefined }[],
): object {
  const counts = new Map<string, number>();
  for (const { instance, machine } of instances) {
    for (const { code } of statusesOf(instance, machine)) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const state = String(set.properties['provisioningState']);
  const status: InstanceStatus = {
    code: `ProvisioningState/${state.toLowerCase()}`,
    level: 'Info',
    displayStatus: `Provisioning ${state.toLowerCase()}`,
  };
  return {
    virtualMachine: { statusesSummary: [...counts].map(([code, count]) => ({ code, count })) },
    extensions: [],
    statuses: [status],
  };
}
