import { OPERATION_KINDS, recordClusterEvent } from '@managed-consul/clusters';
import type { ConsulClient, ConsulToken } from '@managed-consul/consul';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { consulOnEveryServer, consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { federationAccessors } from '../shared-steps/primary-cluster';
import { compareTokens, describeTokenChanges, type EarlierRestore, type TokenFacts } from '../shared-steps/token-comparison';
import { snapshotIsRehearsed } from './rehearsal.steps';

export const factsOf = ({ AccessorID, Description, Policies }: ConsulToken): TokenFacts => ({
  accessorId: AccessorID,
  description: Description,
  policies: Policies.map(({ Name }) => Name),
});

/** Accessors of the service's own tokens: its management token, those of the servers that there are, and of the federation. */
export async function ownAccessors(
  step: Pick<Step, 'cluster' | 'database' | 'secrets'>,
  consul: ConsulClient,
): Promise<string[]> {
  const ofServers = step.cluster.serverRecords.flatMap(({ agentTokenAccessorId }) => agentTokenAccessorId ?? []);
  return [await consul.accessControl.ownAccessor(), ...ofServers, ...(await federationAccessors(step))];
}

/** What a step of an earlier restore stored. */
const earlierSchema = z.object({
  vanishing: z.array(z.object({ accessorId: z.string() })),
  comingBack: z.array(z.object({ accessorId: z.string() })),
});

/** Restores back to which it is known what they did to tokens. */
const EARLIER_RESTORES = 50;

/** What earlier restores of the cluster did to its tokens, the newest first. A restore that was only planned did nothing. */
export async function earlierRestores({
  database,
  cluster,
  operation,
}: Pick<Step, 'database' | 'cluster' | 'operation'>): Promise<EarlierRestore[]> {
  const operations = await database.prisma.operation.findMany({
    where: {
      clusterId: cluster.id,
      kind: OPERATION_KINDS.restoreCluster,
      id: { not: operation.id },
      steps: { some: { name: 'snapshotIsRestored', state: 'Succeeded' } },
    },
    orderBy: { createdAt: 'desc' },
    take: EARLIER_RESTORES,
    include: { steps: { where: { name: recordTokensBefore.name } } },
  });
  return operations.flatMap(({ steps: [step] }) => {
    const output = earlierSchema.safeParse(step?.output).data;
    if (!output) return [];
    const accessors = (tokens: readonly { accessorId: string }[]) => tokens.map(({ accessorId }) => accessorId);
    return [{ vanished: accessors(output.vanishing), cameBack: accessors(output.comingBack) }];
  });
}

/** Which tokens a restore of the rehearsed snapshot would end, revive and leave revoked, by what is alive right now. */
export async function tokenChangesOf(step: Step) {
  const consul = await consulOnLeader(step);
  return compareTokens({
    alive: (await consul.accessControl.listTokens()).map(factsOf),
    inSnapshot: step.outputOf(snapshotIsRehearsed).tokens,
    own: await ownAccessors(step, consul),
    earlier: await earlierRestores(step),
  });
}

/** The last look before the restore at which tokens are alive: afterwards nobody could tell what was revoked since. */
export async function recordTokensBefore(step: Step) {
  const changes = await tokenChangesOf(step);
  const { id: operationId, clusterId } = step.operation;
  return done(changes, async (tx) => {
    const sentences = describeTokenChanges(changes);
    if (!clusterId || sentences.length === 0) return;
    await recordClusterEvent(tx, { clusterId, operationId, type: 'RestoreTokens', message: sentences.join(' ') });
  });
}

/** Revokes again what the restore brought back. Whatever has become the service's own token is left alone. */
export async function revokeAgain(step: Step, accessors: readonly string[]): Promise<void> {
  const consul = await consulOnLeader(step);
  const own = await ownAccessors(step, consul);
  for (const accessorId of accessors) if (!own.includes(accessorId)) await consul.accessControl.removeToken(accessorId);
}

/** Tokens that were revoked after the snapshot worked again from the restore on, until now. */
export async function revokeReturnedTokens(step: Step) {
  const accessors = step.outputOf(recordTokensBefore).revokedSince.map(({ accessorId }) => accessorId);
  await revokeAgain(step, accessors);
  return done({ accessors });
}

/** Done when every server says that it knows none of the tokens that were revoked again. */
export async function revokedTokensAreGone(step: Step) {
  const servers = await consulOnEveryServer(step);
  const own = await ownAccessors(step, await consulOnLeader(step));
  for (const accessorId of step.outputOf(revokeReturnedTokens).accessors.filter((one) => !own.includes(one))) {
    const found = await Promise.all(servers.map(({ consul }) => consul.accessControl.findToken(accessorId)));
    if (found.some(Boolean)) return waitFor('The servers are forgetting the tokens that were revoked', SERVER_LOOK);
  }
  return done();
}
