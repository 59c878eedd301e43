import { recordAudit, type Requester } from '@managed-consul/access';
import {
  findFreeze,
  findUnfinished,
  findWindow,
  recordClusterChange,
  requireManageable,
  type ClusterWithServers,
  type MaintenanceWindow,
} from '@managed-consul/clusters';
import { hours, minutes, seconds, type Clock } from '@managed-consul/config';
import type { Database, Rollout, RolloutCluster, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { decideTask, UPGRADE } from './rollout-task';

/** What is to become of a cluster whose turn it is, before its change is decided. */
type Standing = { kind: 'go' } | { kind: 'wait'; until: Date; because: string } | { kind: 'skip'; because: string };

/** A freeze may be lifted before it ends, and a customer may change window and dates. */
const LOOK_AT_LEAST = minutes(5);
const WHILE_BUSY = seconds(30);
const DAY = hours(24);

const waitUntil = (until: Date, because: string, now: Date): Standing => ({
  kind: 'wait',
  until: new Date(Math.min(until.getTime(), now.getTime() + LOOK_AT_LEAST)),
  because,
});

/** When the customer lets work begin that nobody asked for; undefined when it may begin now. */
function nextAllowed(cluster: ClusterWithServers, isUpgrade: boolean, now: Date): Date | undefined {
  const blackoutDates = cluster.blackoutDates as string[];
  const deferredUntil = isUpgrade ? cluster.upgradeDeferredUntil : null;
  const window = cluster.maintenanceWindow as unknown as MaintenanceWindow | null;
  if (window) {
    const opening = findWindow(window, now, { blackoutDates, deferredUntil });
    return opening && opening <= now ? undefined : (opening ?? new Date(now.getTime() + DAY));
  }
  if (deferredUntil && deferredUntil > now) return deferredUntil;
  if (!blackoutDates.includes(now.toISOString().slice(0, 10))) return undefined;
  return new Date((Math.floor(now.getTime() / DAY) + 1) * DAY);
}

function standingOf(cluster: ClusterWithServers, rollout: Rollout, { attempts }: RolloutCluster, now: Date): Standing {
  const isUpgrade = rollout.task === UPGRADE;
  if (isUpgrade && cluster.upgradePolicy === 'Manual' && !rollout.evenIfManual)
    return { kind: 'skip', because: 'Its customer upgrades it by hand.' };
  if (isUpgrade && cluster.observedConsulVersion === rollout.consulVersion && cluster.provisioningState === 'Succeeded')
    return { kind: 'skip', because: `It runs Consul ${rollout.consulVersion ?? ''} already.` };
  // After a failure of its own a rollout may try again; after another one a person looks first.
  if (cluster.provisioningState === 'Failed' && attempts === 0)
    return { kind: 'skip', because: `Its last change failed: ${cluster.failureMessage ?? 'without a message'}` };
  const allowed = nextAllowed(cluster, isUpgrade, now);
  return allowed ? waitUntil(allowed, `Its customer lets work begin at ${allowed.toISOString()}.`, now) : { kind: 'go' };
}

async function standingNow(
  tx: Transaction,
  cluster: ClusterWithServers,
  rollout: Rollout,
  turn: RolloutCluster,
  now: Date,
): Promise<Standing> {
  const freeze = await findFreeze(tx, cluster, now);
  if (freeze) return waitUntil(freeze.until, `Frozen until ${freeze.until.toISOString()}: ${freeze.reason}`, now);
  const [unfinished] = await findUnfinished(tx, cluster.id);
  if (unfinished)
    return waitUntil(
      new Date(now.getTime() + WHILE_BUSY),
      `Operation ${unfinished.id} (${unfinished.kind}) is not finished.`,
      now,
    );
  return standingOf(cluster, rollout, turn, now);
}

const keyOf = ({ rolloutId, clusterId }: RolloutCluster) => ({ rolloutId_clusterId: { rolloutId, clusterId } });

/** Asks for the task at the cluster; an AppError says why it cannot be. */
async function request(tx: Transaction, cluster: ClusterWithServers, rollout: Rollout, clock: Clock): Promise<Operation> {
  requireManageable(cluster);
  const change = await decideTask(tx, cluster, rollout, clock);
  const operation = await recordClusterChange(tx, cluster, change, { schedule: `rollout/${rollout.id}` }, clock);
  const { actorTenantId: tenantId, actorId: objectId, correlationId, reason, ticket } = rollout;
  const requester: Requester = { tenantId, objectId, groupIds: [], correlationId };
  await recordAudit(tx, requester, {
    ...{ action: change.kind, clusterId: cluster.id, installationId: cluster.installationId, operationId: operation.id },
    detail: { ...change.input, rollout: rollout.id },
    operator: { reason, ticket },
  });
  return operation;
}

/** Takes the cluster's turn inside one transaction; the locks keep it to one taker. */
async function take(
  tx: Transaction,
  { rolloutId, clusterId }: Pick<RolloutCluster, 'rolloutId' | 'clusterId'>,
  clock: Clock,
): Promise<Operation | undefined> {
  await tx.$queryRaw`SELECT id FROM rollouts WHERE id = ${rolloutId}::uuid FOR SHARE`;
  await tx.$queryRaw`SELECT FROM rollout_clusters WHERE rollout_id = ${rolloutId}::uuid AND cluster_id = ${clusterId}::uuid FOR UPDATE`;
  const found = await tx.rolloutCluster.findUnique({
    where: { rolloutId_clusterId: { rolloutId, clusterId } },
    include: { rollout: true },
  });
  if (found?.state !== 'Waiting' || found.rollout.state !== 'Running' || found.wave !== found.rollout.wave) return undefined;
  const { rollout, ...turn } = found;
  const now = clock.now();
  const skip = (message: string) =>
    tx.rolloutCluster.update({ where: keyOf(turn), data: { state: 'Skipped', message, endedAt: now } });
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId, deletedAt: null }, include: { serverRecords: true } });
  if (!cluster) {
    await skip('It was deleted.');
    return undefined;
  }
  const standing = await standingNow(tx, cluster, rollout, turn, now);
  if (standing.kind === 'wait') {
    await tx.rolloutCluster.update({ where: keyOf(turn), data: { message: standing.because, lookAt: standing.until } });
    return undefined;
  }
  if (standing.kind === 'skip') {
    await skip(standing.because);
    return undefined;
  }
  const operation = await request(tx, cluster, rollout, clock);
  const data = {
    state: 'Running' as const,
    operationId: operation.id,
    message: null,
    attempts: { increment: 1 },
    startedAt: now,
  };
  await tx.rolloutCluster.update({ where: keyOf(turn), data });
  return operation;
}

/**
 * Takes a cluster's turn in a rollout: asks for the operation, or notes why the cluster waits or is left out. Gives the operation,
 * for the bell. May run twice at once, and again: the turn is taken once.
 */
export async function beginTurn(
  { prisma }: Pick<Database, 'prisma'>,
  turn: Pick<RolloutCluster, 'rolloutId' | 'clusterId'>,
  clock: Clock,
): Promise<Operation | undefined> {
  try {
    return await prisma.$transaction((tx) => take(tx, turn, clock));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Nothing of the refused change is stored; the cluster is left out, with what it was refused for.
    const { rolloutId, clusterId } = turn;
    const data = { state: 'Skipped' as const, message: error.message, endedAt: clock.now() };
    await prisma.rolloutCluster.updateMany({ where: { rolloutId, clusterId, state: 'Waiting' }, data });
    return undefined;
  }
}
