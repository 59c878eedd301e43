import { randomUUID } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from '../shared-steps/delays';
import { issueServerCertificate, recordServerCertificate } from '../shared-steps/server-certificates';
import type { ServerWish } from '../shared-steps/server-desired-state';
import { askOf, isAsAsked } from '../shared-steps/server-runs';
import { agentTokenPurpose, certificateAuthority, findServerCertificate } from '../shared-steps/server-secrets';

/** Each machine makes its own key and keeps it; only the request comes here. A server that has a certificate keeps it. */
export async function ensureServerCertificates(step: Step) {
  const { cluster, clock } = step;
  const authority = await certificateAuthority(step);
  const issued = await Promise.all(
    cluster.serverRecords.map(async (server) =>
      (await findServerCertificate(step, server, clock.now()))
        ? []
        : [{ server, certificate: await issueServerCertificate(step, authority, server) }],
    ),
  );
  return done(undefined, async (tx) => {
    for (const { server, certificate } of issued.flat()) {
      await recordServerCertificate(tx, cluster, server, certificate);
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
  const { cluster } = step;
  const hashes = await Promise.all(
    cluster.serverRecords.map(async (server) => [server.vmId, await askOf(step, foundingWish(step, server))] as const),
  );
  return done({ hashes: Object.fromEntries(hashes) });
}

/** Done when every agent says that what was asked for runs. */
export async function everyServerRuns(step: Step) {
  const { cluster, outputOf } = step;
  const { hashes } = outputOf(startServers);
  const states = await Promise.all(
    cluster.serverRecords.map((server) => isAsAsked(step, foundingWish(step, server), hashes[server.vmId])),
  );
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
