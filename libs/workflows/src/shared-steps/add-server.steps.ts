import { randomUUID } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { minutes, SecretValue } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { action, condition, done, waitFor, type StepEntry } from '@managed-consul/workflow-engine';
import type { Services, Step } from '../services';
import { consulOn, consulOnLeader, managementToken } from './consul-access';
import { AGENT_LOOK, azureLook, SERVER_LOOK, SERVER_RETRY } from './delays';
import { parseGoDuration } from './go-duration';
import { machineCloudConfig } from './machine-cloud-config';
import { machinesOf, machinesOfNoMember, scaleSetOf, serverName } from './machines';
import { issueServerCertificate, recordServerCertificate } from './server-certificates';
import type { ServerWish } from './server-desired-state';
import { raftPeerAt, votesHealthily } from './server-health';
import { askOf, isAsAsked } from './server-runs';
import { agentTokenPurpose, certificateAuthority, findServerCertificate } from './server-secrets';

/** Version that a server which joins now shall run: what the others run. */
export const runningVersion = ({ cluster }: Pick<Step, 'cluster'>): string =>
  cluster.observedConsulVersion ?? cluster.consulVersion;

/**
 * One machine more. A machine without a server that is there already is the one asked for: this step has run before. (What an
 * earlier operation has left is cleared away before.)
 */
export async function startNewMachine(step: Step) {
  const { cluster, clock, signal } = step;
  const askedAt = clock.now().toISOString();
  if ((await machinesOfNoMember(step)).length > 0) return done({ askedAt });
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const capacity = (await machinesOf(step)).length + 1;
  const change = { vmSize: cluster.vmSize, capacity, customData: await machineCloudConfig(step) };
  await scaleSets.startChange(resourceGroup, scaleSet, change, signal);
  return done({ askedAt });
}

/** Done when the machine has an address; from then on it is a server of the cluster that is joining. */
export async function newMachineHasAddress(step: Step) {
  const { cluster, clock, outputOf } = step;
  const [machine] = await machinesOfNoMember(step);
  if (machine?.provisioningState === 'Failed')
    throw new TerminalError('MachineFailed', 'Azure could not start the new server’s machine. Try again.');
  const { address } = machine ?? {};
  if (!machine || !machine.vmId || !address)
    return waitFor('Azure is making the new server’s machine', azureLook(outputOf(startNewMachine).askedAt, clock.now()));
  const { azureName, instanceId, vmId, vmSize = null } = machine;
  return done({ vmId }, async (tx) => {
    const facts = { name: serverName(cluster, machine), azureName, instanceId, address, vmSize };
    await tx.server.upsert({
      where: { clusterId_vmId: { clusterId: cluster.id, vmId } },
      create: { clusterId: cluster.id, vmId, ...facts, membership: 'Joining', agentTokenAccessorId: randomUUID() },
      update: facts,
    });
  });
}

/** The server that is being added for the present item. */
export function newServerOf({ cluster, outputOf }: Step): Server {
  const { vmId } = outputOf(newMachineHasAddress);
  const found = [...cluster.unfinishedServers, ...cluster.serverRecords].find((server) => server.vmId === vmId);
  if (found) return found;
  throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.');
}

/** Done when the new machine's agent has proved itself and dialled in. */
export async function newAgentIsConnected(step: Step) {
  const { id, vmId, name } = newServerOf(step);
  if (!(await step.agents.isConnected(step.cluster.id, vmId))) return waitFor(`${name} is starting`, AGENT_LOOK);
  const agentSeenAt = step.clock.now();
  return done(undefined, async (tx) => {
    await tx.server.update({ where: { id }, data: { agentSeenAt } });
  });
}

export async function ensureNewServerCertificate(step: Step) {
  const server = newServerOf(step);
  if (await findServerCertificate(step, server, step.clock.now())) return done();
  const certificate = await issueServerCertificate(step, await certificateAuthority(step), server);
  return done(undefined, (tx) => recordServerCertificate(tx, step.cluster, server, certificate));
}

/** Consul knows the new server's own token before the server starts with it. */
export async function ensureNewServerToken(step: Step) {
  const { cluster, secrets } = step;
  const server = newServerOf(step);
  const purpose = agentTokenPurpose(server.vmId);
  const secretId = await secrets.putIfAbsent(secretOwnerOf(cluster.id), purpose, new SecretValue(randomUUID()));
  if (!server.agentTokenAccessorId)
    throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.');
  const { accessControl } = await consulOnLeader(step);
  await accessControl.ensureToken({
    accessorId: server.agentTokenAccessorId,
    secretId,
    description: `Agent of ${server.name}`,
    nodeIdentity: { nodeName: server.name, datacenter: cluster.datacenter },
  });
  return done();
}

/** It joins the others and takes no part in a first election: the cluster has had its own long ago. */
const joiningWish = (step: Step): ServerWish => ({
  server: newServerOf(step),
  consulVersion: runningVersion(step),
  bootstrap: false,
  running: true,
});

export async function startNewServer(step: Step) {
  return done({ hash: await askOf(step, joiningWish(step)) });
}

export async function newServerRuns(step: Step) {
  const { hash } = step.outputOf(startNewServer);
  return (await isAsAsked(step, joiningWish(step), hash))
    ? done({ hash })
    : waitFor(`Consul is starting on ${newServerOf(step).name}`, SERVER_LOOK);
}

/** Whether the leader counts the new server as a healthy voter, and it has applied everything that was committed. */
async function newServerTakesPart(step: Step): Promise<boolean> {
  const server = newServerOf(step);
  const leading = await consulOnLeader(step);
  const [peers, health, { commitIndex }] = await Promise.all([
    leading.operator.raftServers(),
    leading.operator.autopilotHealth(),
    leading.self(),
  ]);
  if (!raftPeerAt(peers, server.address)?.Voter || !votesHealthily(health, server.address)) return false;
  const { appliedIndex } = await (await consulOn(step, server, await managementToken(step))).self();
  return appliedIndex >= commitIndex;
}

/** Done when the new server is a healthy voter with everything that was committed. */
export async function newServerVotes(step: Step) {
  if (!(await newServerTakesPart(step))) return waitFor(`${newServerOf(step).name} is copying the cluster’s data`, SERVER_LOOK);
  const leading = await consulOnLeader(step);
  const { ServerStabilizationTime } = await leading.operator.autopilotConfiguration();
  return done({ votesSince: step.clock.now().toISOString(), holdFor: parseGoDuration(ServerStabilizationTime) });
}

/**
 * Done when the new server has voted for as long as Consul itself wants a server to be stable: taking another one away sooner
 * can cost the majority (C2.6).
 */
export async function newServerIsStable(step: Step) {
  const { votesSince, holdFor } = step.outputOf(newServerVotes);
  const left = new Date(votesSince).getTime() + holdFor - step.clock.now().getTime();
  const sentence = `${newServerOf(step).name} is proving that it is stable`;
  if (left > 0) return waitFor(sentence, left);
  return (await newServerTakesPart(step)) ? done() : waitFor(sentence, SERVER_LOOK);
}

/** From here on the new server is a member like the others. */
export async function recordNewServer(step: Step) {
  const { cluster } = step;
  const { id } = newServerOf(step);
  const { hash } = step.outputOf(newServerRuns);
  return done(undefined, async (tx) => {
    const data = { membership: 'Member' as const, consulVersion: runningVersion(step), appliedHash: hash };
    await tx.server.update({ where: { id }, data });
    const servers = await tx.server.count({ where: { clusterId: cluster.id, membership: 'Member' } });
    await tx.cluster.update({ where: { id: cluster.id }, data: { servers, revision: { increment: 1 } } });
  });
}

/**
 * Adds one server, for one item of `forEachServer`: machine, agent, certificate, token, Consul, vote. The cluster's records are
 * the truth after every step: until it votes the server is `Joining` and other workflows do not see it.
 */
export const ADD_SERVER: readonly StepEntry<Services>[] = [
  action(startNewMachine),
  condition(newMachineHasAddress, { within: minutes(20), orFail: 'Azure did not make the machine of the new server.' }),
  condition(newAgentIsConnected, {
    within: minutes(20),
    orFail: 'The new server did not report to the service. Check that its network lets it reach the service on port 443.',
  }),
  action(ensureNewServerCertificate, { retry: SERVER_RETRY }),
  action(ensureNewServerToken, { retry: SERVER_RETRY }),
  action(startNewServer, { retry: SERVER_RETRY }),
  condition(newServerRuns, { within: minutes(10), orFail: 'Consul did not start on the new server.' }),
  condition(newServerVotes, { within: minutes(30), orFail: 'The new server did not become a voter.' }),
  condition(newServerIsStable, { within: minutes(10), orFail: 'The new server did not stay healthy.' }),
  action(recordNewServer),
];
