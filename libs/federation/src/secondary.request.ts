import {
  datacenterAlreadyExists,
  DEFAULTS,
  findCreateProblems,
  networkOverlap,
  OPERATION_KINDS,
  parseNetworkRange,
  requestCreateCluster,
  SECRET_PURPOSES,
  secretOwnerOf,
  type ClusterDraft,
  type CreateClusterOutcome,
  type CreateClusterWish,
  type CreateSecondaryInput,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import { compareNumbers, parseVersion } from '@managed-consul/consul-versions';
import type { Cluster, Database, Installation } from '@managed-consul/database';
import { AppError, type ErrorDetail } from '@managed-consul/errors';
import type { SecretStore } from '@managed-consul/secrets';
import { readFederationToken } from './federation-token';

/** A wish for a cluster that follows the primary which its token names. */
export interface SecondaryClusterWish extends CreateClusterWish {
  federationToken: string;
}

type Primary = Cluster & { installation: Installation };

const tokenProblem = (code: string, message: string): ErrorDetail => ({ code, target: 'federationToken', message });

/** The same for a token that was made up, and for one of a cluster that the caller shall not learn about. */
const INVALID = tokenProblem(
  'FederationTokenInvalid',
  'This is not a federation token of a living primary cluster of your tenant. Ask the primary for a new one.',
);

async function readPrimary(
  { prisma }: Database,
  secrets: SecretStore,
  { federationToken, requester }: SecondaryClusterWish,
  now: Date,
): Promise<{ primary: Primary; problem?: never } | { primary?: never; problem: ErrorDetail }> {
  const token = readFederationToken(federationToken);
  if (!token) return { problem: INVALID };
  const { primaryClusterId } = token;
  const key = await secrets.find(secretOwnerOf(primaryClusterId), SECRET_PURPOSES.federationKey);
  if (!key || !token.isSignedWith(key)) return { problem: INVALID };
  const primary = await prisma.cluster.findUnique({ where: { id: primaryClusterId }, include: { installation: true } });
  if (!primary || primary.deletedAt !== null || primary.provisioningState === 'Deleting') return { problem: INVALID };
  if (primary.installation.tenantId.toLowerCase() !== requester.tenantId.toLowerCase()) return { problem: INVALID };
  if (token.expiresAt > now) return { primary };
  return { problem: tokenProblem('FederationTokenExpired', 'The federation token has expired. Ask the primary for a new one.') };
}

/** The same version as the primary's, where the wish leaves it open. */
const fillFromPrimary = (draft: ClusterDraft, { observedConsulVersion, consulVersion }: Primary): ClusterDraft => ({
  ...draft,
  consulVersion: draft.consulVersion ?? observedConsulVersion ?? consulVersion,
});

function versionProblems({ consulVersion = '' }: ClusterDraft, primary: Primary): ErrorDetail[] {
  const running = primary.observedConsulVersion ?? primary.consulVersion;
  const [wanted, present] = [parseVersion(consulVersion), parseVersion(running)];
  if (!wanted || !present || compareNumbers(wanted, present) <= 0) return [];
  const message = `The primary datacenter runs Consul ${running}, and a secondary is never newer. Upgrade the primary first.`;
  return [{ code: 'NewerThanPrimary', target: 'consulVersion', message }];
}

/** The members of a federation reach each other by address, so no two may use the same. */
async function neighbourProblems({ prisma }: Database, draft: ClusterDraft, primary: Primary): Promise<ErrorDetail[]> {
  const problems: ErrorDetail[] = [];
  const datacenter = draft.datacenter ?? draft.name?.toLowerCase() ?? '';
  const ofPrimary = { primaryClusterId: primary.id };
  if ((await prisma.federationMember.count({ where: { ...ofPrimary, datacenter } })) > 0) problems.push(datacenterAlreadyExists);
  const network = draft.networkCidr ?? DEFAULTS.networkCidr;
  // One of the same installation is found by the create itself.
  if (!parseNetworkRange(network)) return problems;
  const [neighbour] = await prisma.$queryRaw<{ name: string }[]>`
    SELECT c.name FROM clusters c JOIN federation_members m ON m.cluster_id = c.id
    WHERE m.primary_cluster_id = ${primary.id}::uuid AND c.network_cidr::inet && ${network}::inet
      AND c.installation_id::text <> ${draft.installationId ?? ''} LIMIT 1`;
  return neighbour ? [...problems, networkOverlap(neighbour.name)] : problems;
}

async function examine(
  database: Database,
  secrets: SecretStore,
  wish: SecondaryClusterWish,
  now: Date,
): Promise<{ wish: CreateClusterWish; primary: Primary | undefined }> {
  const { federationToken: _secret, ...create } = wish;
  const { primary, problem } = await readPrimary(database, secrets, wish, now);
  const shapeProblems = [...(wish.shapeProblems ?? [])];
  if (!primary) return { wish: { ...create, shapeProblems: [...shapeProblems, problem] }, primary };
  const draft = fillFromPrimary(wish.draft, primary);
  shapeProblems.push(...versionProblems(draft, primary), ...(await neighbourProblems(database, draft, primary)));
  return { wish: { ...create, draft, shapeProblems }, primary };
}

/**
 * Every problem that such a request would meet, in one list; empty when it would be accepted. Stores nothing. Throws
 * ResourceNotFound and AuthorizationFailed as the request itself does.
 */
export async function findSecondaryProblems(
  database: Database,
  secrets: SecretStore,
  wish: SecondaryClusterWish,
  clock: Clock = systemClock,
): Promise<ErrorDetail[]> {
  return findCreateProblems(database, (await examine(database, secrets, wish, clock.now())).wish);
}

/**
 * Records that a cluster is wanted as a secondary datacenter of the cluster that made the token. Whoever holds the token may join:
 * a role on the primary is not asked for, the same tenant is. Throws what `requestCreateCluster` throws.
 */
export async function requestSecondaryCluster(
  database: Database,
  secrets: SecretStore,
  asked: SecondaryClusterWish,
  clock: Clock = systemClock,
): Promise<CreateClusterOutcome> {
  const { wish, primary } = await examine(database, secrets, asked, clock.now());
  // With its problem told, the create refuses before it stores anything.
  if (!primary) return requestCreateCluster(database, wish, clock);
  if (asked.work) throw new AppError('InvalidRequest', 'A secondary datacenter cannot begin with a snapshot.');
  const input: CreateSecondaryInput = { primaryClusterId: primary.id };
  const work = { kind: OPERATION_KINDS.createSecondary, input: { ...input } };
  return requestCreateCluster(database, { ...wish, work, primaryClusterId: primary.id }, clock);
}
