import { secretOwnerOf } from '@managed-consul/clusters';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { removeTokensOfSource, revokedRootTokens } from '../clone-cluster/clone.steps';
import { needsRepair } from '../restore-cluster/repair.steps';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { machineCloudConfig } from '../shared-steps/machine-cloud-config';
import { machinesOf, scaleSetOf, serverName } from '../shared-steps/machines';
import { agentTokenPurpose, serverCertificatePurpose } from '../shared-steps/server-secrets';
import { chooseSurvivors } from './survivors.steps';

/** What only the old servers had: certificates, tokens, the right to dial in, rows. */
export async function forgetOldServers({ cluster, secrets }: Step) {
  const owner = secretOwnerOf(cluster.id);
  const old = cluster.unfinishedServers;
  return done(undefined, async (tx) => {
    for (const { id, vmId } of old) {
      await secrets.delete(owner, agentTokenPurpose(vmId), tx);
      await tx.certificate.deleteMany({ where: { owner, purpose: serverCertificatePurpose(vmId) } });
      await tx.agentEnrolment.deleteMany({ where: { clusterId: cluster.id, vmId } });
      await tx.server.deleteMany({ where: { id } });
    }
  });
}

/** The same number as before; asking again changes nothing. */
export async function startNewMachines(step: Step) {
  const { cluster, clock, signal } = step;
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const capacity = step.outputOf(chooseSurvivors).servers;
  const change = { vmSize: cluster.vmSize, capacity, customData: await machineCloudConfig(step) };
  await scaleSets.startChange(resourceGroup, scaleSet, change, signal);
  return done({ askedAt: clock.now().toISOString() });
}

/** Done when every new machine has an address; they are the cluster's servers from then on. */
export async function newMachinesHaveAddresses(step: Step) {
  const { cluster, clock, outputOf } = step;
  const { servers } = outputOf(chooseSurvivors);
  const machines = (await machinesOf(step)).flatMap((machine) => {
    const { address } = machine;
    return address && machine.vmId ? [{ ...machine, address }] : [];
  });
  if (machines.length < servers) {
    const sentence = `Azure is giving the servers their addresses (${machines.length} of ${servers})`;
    return waitFor(sentence, azureLook(outputOf(startNewMachines).askedAt, clock.now()));
  }
  return done(undefined, async (tx) => {
    for (const machine of machines) {
      const { azureName, instanceId, vmId, address, vmSize = null } = machine;
      const facts = { name: serverName(cluster, machine), azureName, instanceId, address, vmSize };
      const where = { clusterId_vmId: { clusterId: cluster.id, vmId } };
      await tx.server.upsert({ where, create: { clusterId: cluster.id, vmId, ...facts }, update: facts });
    }
    await tx.cluster.update({ where: { id: cluster.id }, data: { servers } });
  });
}

/** Nobody can be asked what was revoked since the snapshot; what the service itself has revoked, it knows. */
export async function revokeKnownTokens(step: Step) {
  await removeTokensOfSource(step, await revokedRootTokens(step, step.cluster));
  return done();
}

export async function revokeKnownTokensAfterFailure(step: Step) {
  return needsRepair(step) ? revokeKnownTokens(step) : done();
}
