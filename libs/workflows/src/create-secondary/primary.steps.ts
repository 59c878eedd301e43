import { randomUUID } from 'node:crypto';
import {
  CERTIFICATE_PURPOSES,
  clusterSubject,
  OPERATION_KINDS,
  SECRET_PURPOSES,
  secretOwnerOf,
  TRUSTED_AUTHORITIES,
} from '@managed-consul/clusters';
import { seconds, SecretValue } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { ClusterRecord, Step } from '../services';
import { ensureTokensOf, findPrimary } from '../shared-steps/primary-cluster';

/** Operations that change what a secondary takes over; none begins while it has one. */
const KEY_CHANGES: readonly string[] = [OPERATION_KINDS.rotateGossipKey, OPERATION_KINDS.rotateCertificateAuthority];

/** Fallback for a look at the records; nothing wakes the operation when the primary's own ends. */
const PRIMARY_LOOK = seconds(1);

/** The primary, or an error that ends the operation: it went with its managed application. */
export async function requirePrimary(step: Step): Promise<ClusterRecord> {
  const primary = await findPrimary(step);
  if (primary && primary.provisioningState !== 'Deleting') return primary;
  throw new TerminalError(
    'PrimaryDatacenterMissing',
    'The primary datacenter does not exist any more. Delete this cluster and create it again.',
  );
}

/** Done when the primary's servers listen for other datacenters and nothing changes what the secondary takes over. */
export async function primaryIsOpen(step: Step) {
  const primary = await requirePrimary(step);
  const unfinished = await step.database.prisma.operation.findMany({
    where: { subject: clusterSubject(primary.id), state: { in: ['Pending', 'Running'] } },
    select: { kind: true },
  });
  const kinds = unfinished.map(({ kind }) => kind);
  if (kinds.some((kind) => KEY_CHANGES.includes(kind)))
    return waitFor('The primary datacenter is renewing its keys', PRIMARY_LOOK);
  if (primary.federation?.openedAt) return done();
  if (kinds.includes(OPERATION_KINDS.openFederation))
    return waitFor('The primary datacenter is being opened for others', PRIMARY_LOOK);
  throw new TerminalError(
    'PrimaryNotOpen',
    'The primary datacenter could not be opened for others. Ask it for a new federation token, which tries again; then delete this cluster and create it again.',
  );
}

/**
 * One authority and one gossip key for all datacenters: each verifies the other's servers. The create that follows keeps what it
 * finds. The tokens are the secondary's own, so that they end with it.
 */
export async function adoptSecretsOfPrimary(step: Step) {
  const { cluster, secrets, database } = step;
  const [from, to] = [secretOwnerOf((await requirePrimary(step)).id), secretOwnerOf(cluster.id)];
  await secrets.prepareOwner(to);
  await secrets.putIfAbsent(to, SECRET_PURPOSES.gossipKey, await secrets.get(from, SECRET_PURPOSES.gossipKey));
  for (const purpose of [SECRET_PURPOSES.replicationToken, SECRET_PURPOSES.managementToken])
    await secrets.putIfAbsent(to, purpose, new SecretValue(randomUUID()));
  const authorityKey = await secrets.get(from, SECRET_PURPOSES.certificateAuthorityKey);
  const purposes = [...TRUSTED_AUTHORITIES, CERTIFICATE_PURPOSES.crossSignedAuthority];
  const authorities = await database.prisma.certificate.findMany({
    where: { owner: from, purpose: { in: purposes } },
    orderBy: { id: 'asc' },
  });
  return done(undefined, async (tx) => {
    // Key and certificates belong together: both or neither.
    await secrets.putIfAbsent(to, SECRET_PURPOSES.certificateAuthorityKey, authorityKey, tx);
    const copies = authorities.map(({ id: _id, createdAt: _createdAt, ...certificate }) => ({ ...certificate, owner: to }));
    await tx.certificate.createMany({ data: copies, skipDuplicates: true });
  });
}

/** The primary knows the secondary's tokens before the secondary starts with them. */
export async function ensureTokensInPrimary(step: Step) {
  await ensureTokensOf(step, await requirePrimary(step), [step.cluster]);
  return done();
}
