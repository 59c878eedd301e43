import { randomUUID } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { issueConsulServerCertificate, recordCertificate, type CertificateAuthority } from '@managed-consul/secrets';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from '../shared-steps/delays';
import { desiredStateOf, type ServerWish } from '../shared-steps/server-desired-state';
import {
  agentTokenPurpose,
  certificateAuthority,
  findServerCertificate,
  SERVER_CERTIFICATE_LIFETIME,
  serverCertificatePurpose,
} from '../shared-steps/server-secrets';

const addressIn = (url: string | null): string[] => (url ? [new URL(url).hostname] : []);

async function issueFor(step: Step, authority: CertificateAuthority, server: Server) {
  const { cluster, agents, clock, signal } = step;
  const agent = await agents.find(cluster.id, server.vmId);
  const request = { datacenter: cluster.datacenter, nodeName: server.name, address: server.address };
  const { certificateRequest } = await agent.requestServerCertificate(request, signal);
  return issueConsulServerCertificate(authority, {
    certificateRequestPem: certificateRequest,
    datacenter: cluster.datacenter,
    nodeName: server.name,
    addresses: [server.address, ...addressIn(cluster.privateEndpointUrl), ...addressIn(cluster.publicEndpointUrl)],
    now: clock.now(),
    lifetimeMs: SERVER_CERTIFICATE_LIFETIME,
  });
}

/** Each machine makes its own key and keeps it; only the request comes here. A server that has a certificate keeps it. */
export async function ensureServerCertificates(step: Step) {
  const { cluster, clock } = step;
  const authority = await certificateAuthority(step);
  const issued = await Promise.all(
    cluster.serverRecords.map(async (server) =>
      (await findServerCertificate(step, server, clock.now()))
        ? []
        : [{ server, certificate: await issueFor(step, authority, server) }],
    ),
  );
  return done(undefined, async (tx) => {
    for (const { server, certificate } of issued.flat()) {
      await recordCertificate(tx, secretOwnerOf(cluster.id), serverCertificatePurpose(server.vmId), certificate);
    }
  });
}

/** Accessor and secret of each server's own token are kept before Consul hears of them: making the token twice makes one. */
export async function storeServerTokens({ cluster, secrets }: Step) {
  const owner = secretOwnerOf(cluster.id);
  for (const { vmId } of cluster.serverRecords)
    await secrets.putIfAbsent(owner, agentTokenPurpose(vmId), new SecretValue(randomUUID()));
  return done(undefined, async (tx) => {
    for (const { id, agentTokenAccessorId } of cluster.serverRecords) {
      await tx.server.update({ where: { id }, data: { agentTokenAccessorId: agentTokenAccessorId ?? randomUUID() } });
    }
  });
}

const foundingWish = ({ cluster }: Step, server: Server): ServerWish => ({
  server,
  consulVersion: cluster.consulVersion,
  bootstrap: true,
  running: true,
});

/** All at once: they found the cluster together, and each waits for the others. */
export async function startServers(step: Step) {
  const { cluster, agents, signal } = step;
  const hashes = await Promise.all(
    cluster.serverRecords.map(async (server) => {
      const [agent, desired] = await Promise.all([
        agents.find(cluster.id, server.vmId),
        desiredStateOf(step, foundingWish(step, server)),
      ]);
      await agent.applyDesiredState(desired, signal);
      return [server.vmId, desired.hash] as const;
    }),
  );
  return done({ hashes: Object.fromEntries(hashes) });
}

/** What an agent will say again, however often it is asked: the wish itself cannot be carried out. */
const FINAL_PROBLEMS: readonly string[] = [
  'ArtifactMismatch',
  'CertificateInvalid',
  'ConfigurationInvalid',
  'PlatformUnsupported',
  'RefusedAsRoot',
];

/** Whether a server runs what was asked for. One that failed for a passing reason is asked again, one that cannot ends the operation. */
async function serverRuns(step: Step, server: Server, wantedHash: string | undefined): Promise<boolean> {
  const agent = await step.agents.find(step.cluster.id, server.vmId);
  const { phase, desiredHash, appliedHash, consul, error } = await agent.state(step.signal);
  const hasFailed = phase === 'failed' && desiredHash === wantedHash;
  if (hasFailed && FINAL_PROBLEMS.includes(error?.code ?? '')) {
    const sentence = `Consul could not be started on ${server.name}. This is a fault of the service; name the operation to support.`;
    throw new TerminalError('ServerNotStarted', sentence, new Error(`${error?.code}: ${error?.message}`));
  }
  // An agent that has lost its wish with its disk is told again as well.
  if (hasFailed || desiredHash !== wantedHash)
    await agent.applyDesiredState(await desiredStateOf(step, foundingWish(step, server)), step.signal);
  return appliedHash === wantedHash && consul.running;
}

/** Done when every agent says that what was asked for runs. */
export async function everyServerRuns(step: Step) {
  const { cluster, outputOf } = step;
  const { hashes } = outputOf(startServers);
  const states = await Promise.all(cluster.serverRecords.map((server) => serverRuns(step, server, hashes[server.vmId])));
  const running = states.filter(Boolean).length;
  if (running < cluster.servers)
    return waitFor(`Consul is starting (${running} of ${cluster.servers} servers run it)`, SERVER_LOOK);
  return done(undefined, async (tx) => {
    for (const { id, vmId } of cluster.serverRecords) {
      await tx.server.update({
        where: { id },
        data: { appliedHash: hashes[vmId] ?? null, consulVersion: cluster.consulVersion },
      });
    }
  });
}
