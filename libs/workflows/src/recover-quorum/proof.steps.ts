import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { rehearseBeside, REHEARSING } from '../restore-cluster/rehearsal.steps';
import type { Step } from '../services';
import { AGENT_LOOK } from '../shared-steps/delays';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';
import { isStopped } from './server-standing';

/** Those that Azure still has: their disks hold what the cluster knew last. */
async function memberMachines(step: Step) {
  const members = new Set(step.cluster.serverRecords.map(({ vmId }) => vmId));
  return (await machinesOf(step)).filter(({ vmId }) => members.has(vmId));
}

/**
 * The old servers' disks go only after the snapshot was proved beside one of them. Only where not one of their machines is left
 * it is first proved beside a new server.
 */
export async function snapshotIsProved(step: Step) {
  const { cluster, agents } = step;
  for (const server of cluster.serverRecords) {
    if (!(await agents.isConnected(cluster.id, server.vmId))) continue;
    const found = await rehearseBeside(step, server, `prove-${step.operation.id}`);
    return found ? done({ proved: true }) : REHEARSING;
  }
  const left = await memberMachines(step);
  if (left.length === 0) return done({ proved: false });
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const power = await scaleSets.listPower(resourceGroup, scaleSet);
  const mayReport = left.some(({ instanceId }) => !isStopped(power.get(instanceId)));
  if (mayReport) return waitFor('The service is waiting for a server beside which the snapshot can be proved', AGENT_LOOK);
  const sentence =
    'No server runs beside which the snapshot could be proved. Start one of the machines in Azure, or delete all of them, then ask again.';
  throw new TerminalError('SnapshotNotProved', sentence);
}

/** Throws unless the snapshot was proved, or nothing is there that could be lost. */
export async function requireProof(step: Step): Promise<void> {
  if (step.outputOf(snapshotIsProved).proved || (await memberMachines(step)).length === 0) return;
  throw new TerminalError('SnapshotNotProved', 'A machine has come back, and the snapshot was not proved. Ask again.');
}
