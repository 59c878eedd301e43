import { recordClusterEvent, setSchedule } from '@managed-consul/clusters';
import { compareVersionsDescending, inSameLine, parseVersion } from '@managed-consul/consul-versions';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from '../shared-steps/delays';
import { whatOthersLack, whatServerLacks } from '../shared-steps/server-gates';
import { desiredStateOf, type ServerWish } from '../shared-steps/server-desired-state';
import { beginHandover } from '../shared-steps/rolling';
import { itemOf, serverOfItem } from '../shared-steps/server-of-item';
import { askOf, isAsAsked } from '../shared-steps/server-runs';
import { recordServerUpgrade, startServerUpgrade, upgradedWish } from './server-upgrade.steps';
import { confirmUpgrade, hopOf, versionBefore, versionRunBy } from './upgrade-plan.steps';

/** Done when every server is a full member, which includes the one that was last. */
export async function everyServerIsUpgraded(step: Step) {
  for (const server of step.cluster.serverRecords) {
    const lack = await whatServerLacks(step, server);
    if (lack !== undefined) return waitFor(lack, SERVER_LOOK);
  }
  return done();
}

interface RunVersion {
  server: Server;
  version: string;
}

/** Versions that are run, the newest first. */
const distinct = (run: readonly RunVersion[]): string[] =>
  [...new Set(run.map(({ version }) => version))].sort(compareVersionsDescending);

/** The cluster's own version follows its servers: it moves when all of them have. */
const versionRecord = (step: Step, run: readonly RunVersion[]) => {
  const [version, ...more] = distinct(run);
  const oldest = more.at(-1) ?? version ?? null;
  return {
    observedConsulVersion: oldest,
    revision: { increment: 1 },
    ...(version !== undefined && more.length === 0 ? { consulVersion: version } : {}),
  };
};

/**
 * The version of the cluster is what every server says that it runs. The next scheduled snapshot is due at once, so that
 * there is soon one which the new version wrote.
 */
export async function recordUpgrade(step: Step) {
  const { cluster } = step;
  const run = await Promise.all(
    cluster.serverRecords.map(async (server) => ({ server, version: await versionRunBy(step, server) })),
  );
  return done({ versions: distinct(run) }, async (tx) => {
    for (const { server, version } of run) await tx.server.update({ where: { id: server.id }, data: { consulVersion: version } });
    await tx.cluster.update({ where: { id: cluster.id }, data: versionRecord(step, run) });
    await setSchedule(tx, cluster.id, 'snapshot', step.clock.now());
  });
}

/** The round of a server that was begun and not ended; there is never more than one. */
function unfinishedItem(step: Step): string | undefined {
  const { hops } = step.findOutputOf(confirmUpgrade) ?? { hops: [] };
  const items = hops.flatMap((hop) => step.cluster.serverRecords.map((server) => itemOf(hop, server)));
  return items.find((item) => step.findOutputOf(beginHandover, item) && !step.findOutputOf(recordServerUpgrade, item));
}

/**
 * Whether a server may be given its earlier program again. Within a line the vendor keeps the format of what is on the disk;
 * between lines it does not (1.11 has another log store), and then the safety snapshot is the way back.
 */
export function mayGoBack(from: string, to: string): boolean {
  const [running, earlier] = [parseVersion(from), parseVersion(to)];
  return running !== undefined && earlier !== undefined && inSameLine(running, earlier);
}

/** The wish that puts a server of an unfinished round back to what it ran before. */
function earlierWish(step: Step, item: string): ServerWish {
  return { ...upgradedWish(step, item), consulVersion: versionBefore(step, item) };
}

/** A cluster that is being deleted is not put in order any more. */
const isLeaving = ({ cluster }: Step): boolean => cluster.provisioningState === 'Deleting';

/** Looks, over about half a minute, before a server that runs the new version but is no full member counts as stuck. */
const LOOKS_BEFORE_STUCK = 8;

/**
 * Whether the server of an unfinished round has been told to run the new version, and is not a full member with it. Throws
 * `TransientError` while its agent is still at it, and while it may yet catch up.
 */
async function isStuck(step: Step, item: string): Promise<boolean> {
  const { agents, cluster, attempt, signal } = step;
  const server = serverOfItem({ cluster, item });
  const [{ desiredHash, appliedHash, phase }, { hash }] = await Promise.all([
    (await agents.find(cluster.id, server.vmId)).state(signal),
    desiredStateOf(step, upgradedWish(step, item)),
  ]);
  if (desiredHash !== hash) return false;
  if (phase === 'applying') throw new TransientError(`${server.name} is still being changed.`);
  if (appliedHash !== hash) return true;
  const lack = await whatServerLacks(step, server);
  if (lack !== undefined && attempt <= LOOKS_BEFORE_STUCK) throw new TransientError(`${server.name} may yet catch up: ${lack}.`);
  return lack !== undefined;
}

/**
 * After a failure: a server that did not come up with the new version is given the one before, where that is allowed and all
 * others are fit. One that came up in the meantime stays, and so do those that were through.
 */
export async function putServerBack(step: Step) {
  const item = unfinishedItem(step);
  if (item === undefined || isLeaving(step)) return done({ item: null });
  // Asked first in any case: what a server is left with is only clear once its agent is through.
  const isLost = await isStuck(step, item);
  if (!isLost || !mayGoBack(hopOf(item), versionBefore(step, item))) return done({ item: null });
  const wish = earlierWish(step, item);
  const lack = await whatOthersLack(step, wish.server);
  if (lack !== undefined) throw new TransientError(`${wish.server.name} cannot be put back: ${lack}.`);
  return done({ item, hash: await askOf(step, wish) });
}

/** Done when the server that was put back is a full member again, or none was. */
export async function serverIsBack(step: Step) {
  const back = step.findOutputOf(putServerBack);
  if (!back || back.item === null || isLeaving(step)) return done();
  const wish = earlierWish(step, back.item);
  if (!(await isAsAsked(step, wish, back.hash)))
    return waitFor(`${wish.server.name} is starting Consul ${wish.consulVersion} again`, SERVER_LOOK);
  const lack = await whatServerLacks(step, wish.server);
  return lack === undefined ? done() : waitFor(lack, SERVER_LOOK);
}

/** Whether a server may have been handed the program of a round: the step that does it has begun. */
async function mayHaveNewProgram({ database, operation }: Step, item: string): Promise<boolean> {
  const where = { operationId: operation.id, name: startServerUpgrade.name, item };
  return (await database.prisma.operationStep.count({ where })) > 0;
}

/**
 * What a server that cannot be asked counts as: what was last known of it. But one that may have a program of another line counts
 * as that: an earlier one must never be started on its disk again, also not by a repair.
 */
async function lastKnownVersion(step: Step, server: Server): Promise<string> {
  const item = unfinishedItem(step);
  const isUnfinished = item !== undefined && serverOfItem({ cluster: step.cluster, item }).id === server.id;
  if (isUnfinished && !mayGoBack(hopOf(item), versionBefore(step, item)) && (await mayHaveNewProgram(step, item)))
    return hopOf(item);
  return server.consulVersion ?? step.cluster.consulVersion;
}

async function versionOrLastKnown(step: Step, server: Server): Promise<RunVersion> {
  try {
    return { server, version: await versionRunBy(step, server) };
  } catch (error) {
    if (error instanceof TransientError) return { server, version: await lastKnownVersion(step, server) };
    throw error;
  }
}

const nameAll = (run: readonly RunVersion[]): string =>
  distinct(run)
    .map((version) => {
      const names = run.filter((one) => one.version === version).map(({ server }) => server.name);
      return `${names.join(', ')}: Consul ${version}`;
    })
    .join('; ');

/** After a failure: says which servers run what, in the history and in the records that the next upgrade starts from. */
export async function recordVersionsLeft(step: Step) {
  const { cluster, operation } = step;
  if (isLeaving(step)) return done();
  const run = await Promise.all(cluster.serverRecords.map((server) => versionOrLastKnown(step, server)));
  return done({ versions: nameAll(run) }, async (tx) => {
    for (const { server, version } of run) await tx.server.update({ where: { id: server.id }, data: { consulVersion: version } });
    await tx.cluster.update({ where: { id: cluster.id }, data: versionRecord(step, run) });
    const message = `The upgrade has ended early. ${nameAll(run)}.`;
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, type: 'UpgradeStopped', message });
  });
}
