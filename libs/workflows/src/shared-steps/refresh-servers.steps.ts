import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Server } from '@managed-consul/database';
import type { Step } from '../services';
import { runningVersion } from './add-server.steps';
import { SERVER_LOOK } from './delays';
import type { ServerWish } from './server-desired-state';
import { askOf, isAsAsked } from './server-runs';

/** As the server is, with what has changed around it: addresses of the others, their number. Nothing of it needs a restart. */
const presentWish = (step: Step, server: Server): ServerWish => ({
  server,
  consulVersion: server.consulVersion ?? runningVersion(step),
  bootstrap: false,
  running: true,
});

/** Tells every server who the others are by now, so that it finds them after a restart. */
export async function refreshServers(step: Step) {
  const hashes = await Promise.all(
    step.cluster.serverRecords.map(async (server) => [server.vmId, await askOf(step, presentWish(step, server))] as const),
  );
  return done({ hashes: Object.fromEntries(hashes) });
}

/** Done when every server's agent says that it is so. */
export async function everyServerIsRefreshed(step: Step) {
  const { cluster, outputOf } = step;
  const { hashes } = outputOf(refreshServers);
  const states = await Promise.all(
    cluster.serverRecords.map((server) => isAsAsked(step, presentWish(step, server), hashes[server.vmId])),
  );
  if (!states.every(Boolean)) return waitFor('The servers are learning who the others are', SERVER_LOOK);
  return done(undefined, async (tx) => {
    for (const { id, vmId } of cluster.serverRecords)
      await tx.server.update({ where: { id }, data: { appliedHash: hashes[vmId] ?? null } });
  });
}
