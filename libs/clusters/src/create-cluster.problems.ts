import { refusalOfBarred } from '@managed-consul/access';
import { AppError, type ErrorCode, type ErrorDetail } from '@managed-consul/errors';
import { fillSpec, type ClusterDraft } from './cluster-spec';
import type { CreateFacts } from './create-cluster.facts';
import { findSpecProblems } from './spec-problems';
import { quotaProblems, quotaTaken } from './tenant-quota';

function placeProblems(draft: ClusterDraft, facts: CreateFacts): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  const add = (code: string, target: string, message: string) => problems.push({ code, target, message });
  const region = draft.region ?? facts.installationRegion;
  const plan = draft.plan ?? facts.installationPlan;
  if (region !== null && facts.regionOpen === null)
    add('UnknownRegion', 'region', `There is no Azure region '${region}'. GET /v1/regions lists them.`);
  if (facts.regionOpen === false)
    add('RegionClosed', 'region', `Region ${region} takes no new clusters. Choose an open one from GET /v1/regions.`);
  if (plan !== null && facts.planOpen === null)
    add('UnknownPlan', 'plan', `There is no plan '${plan}'. GET /v1/plans lists them.`);
  if (facts.planOpen === false)
    add('PlanClosed', 'plan', 'This plan takes no new clusters. Choose an open one from GET /v1/plans.');
  if (facts.installationState !== null && facts.installationState !== 'Ready') {
    const message = `The installation is ${facts.installationState}. Clusters can be created once it is Ready.`;
    add('InstallationNotReady', 'installationId', message);
  }
  return problems;
}

function versionProblems(draft: ClusterDraft, facts: CreateFacts): ErrorDetail[] {
  const target = 'consulVersion';
  if (draft.consulVersion === undefined) {
    if (facts.recommendedVersion !== null) return [];
    return [
      { code: 'UnknownConsulVersion', target, message: 'No version is recommended now. Choose one from GET /v1/versions.' },
    ];
  }
  if (facts.versionStatus === null) {
    const message = `Consul ${draft.consulVersion} is not on offer. GET /v1/versions lists what is.`;
    return [{ code: 'UnknownConsulVersion', target, message }];
  }
  if (facts.versionStatus !== 'BLOCKED') {
    if (facts.versionHasProgram) return [];
    const message = `The service holds no verified program of Consul ${draft.consulVersion} yet. Choose another version.`;
    return [{ code: 'ConsulVersionUnavailable', target, message }];
  }
  const reason = facts.versionBlockedReason ?? 'it is not safe to run';
  return [
    {
      code: 'ConsulVersionBlocked',
      target,
      message: `Consul ${draft.consulVersion} is blocked: ${reason}. Choose another version.`,
    },
  ];
}

function neighbourProblems(facts: CreateFacts): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  if (facts.nameIsTaken) problems.push(nameAlreadyExists);
  if (facts.overlappingCluster !== null) problems.push(networkOverlap(facts.overlappingCluster));
  return problems;
}

const nameAlreadyExists: ErrorDetail = {
  code: 'NameAlreadyExists',
  target: 'name',
  message: 'A cluster of this installation has that name. Choose another name, or delete that cluster first.',
};

/** The refusal of a datacenter that a federation has already. */
export const datacenterAlreadyExists: ErrorDetail = {
  code: 'DatacenterExists',
  target: 'datacenter',
  message: 'The federation has a datacenter of that name. Give the new cluster another one in datacenter.',
};

/** The refusal of an address range of which a neighbour uses a part. */
export const networkOverlap = (neighbour?: string): ErrorDetail => ({
  code: 'NetworkOverlap',
  target: 'networkCidr',
  message: `The address range overlaps that of ${neighbour ? `cluster ${neighbour}` : 'another cluster'}. Choose a range of its own.`,
});

/** A field that cannot be left out; the schema says so too, and says it first when it is the schema that misses it. */
function missingProblems(draft: ClusterDraft, known: readonly ErrorDetail[]): ErrorDetail[] {
  const required = ['name', 'email'] as const;
  return required
    .filter((field) => draft[field] === undefined && !known.some((problem) => problem.target === field))
    .map((field) => ({ code: 'Required', target: field, message: `Give the ${field} of the cluster.` }));
}

/** What operators have set for the tenant. */
function tenantProblems({ barred, quota }: CreateFacts, servers: number): ErrorDetail[] {
  const refused = barred ? [{ ...refusalOfBarred(barred), target: 'installationId' }] : [];
  return [...refused, ...(quota ? quotaProblems(quota, { clusters: 1, servers }) : [])];
}

/** The spec with its defaults, and every problem that it has: by itself, with the catalogue, and with its neighbours. */
export function examineDraft(
  draft: ClusterDraft,
  facts: CreateFacts,
  shapeProblems: readonly ErrorDetail[],
): { spec: ClusterDraft; problems: ErrorDetail[] } {
  const problems = [...shapeProblems, ...missingProblems(draft, shapeProblems)];
  const { installationRegion, installationPlan, recommendedVersion } = facts;
  const filled = fillSpec(draft, {
    region: installationRegion ?? undefined,
    plan: installationPlan ?? undefined,
    recommendedVersion: recommendedVersion ?? undefined,
  });
  const spec = { ...filled, region: filled.region?.toLowerCase() };
  return {
    spec,
    problems: [
      ...problems,
      ...findSpecProblems(spec),
      ...placeProblems(draft, facts),
      ...versionProblems(draft, facts),
      ...neighbourProblems(facts),
      ...tenantProblems(facts, spec.servers ?? 0),
    ],
  };
}

/** Problems that the next moment may cure, and the code of an answer that has nothing worse. */
const CONFLICTS: Record<string, ErrorCode> = {
  NameAlreadyExists: 'NameAlreadyExists',
  NetworkOverlap: 'NetworkOverlap',
  DatacenterExists: 'Conflict',
  InstallationNotReady: 'Conflict',
  QuotaExceeded: 'QuotaExceeded',
};

/** Who is refused for what it is, need not mend anything else. */
const BARRED = ['TenantSuspended', 'TenantDenied'] as const;

/** One error with every problem in it: 403 for a tenant that operators refuse, 409 when all of them are conflicts with what exists, else 400. */
export function refusalOf(problems: readonly ErrorDetail[], what = 'The cluster cannot be created as asked'): AppError {
  const barred = problems.find(({ code }) => BARRED.some((one) => one === code));
  if (barred) return new AppError(barred.code as (typeof BARRED)[number], barred.message);
  const [first] = problems;
  const conflict = first && problems.every((problem) => problem.code in CONFLICTS) ? CONFLICTS[first.code] : undefined;
  if (first && conflict)
    return new AppError(conflict, first.message, { ...(first.target ? { target: first.target } : {}), details: problems });
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new AppError('InvalidRequest', `${what}: ${count}, told in details. Mend all of them and send the request again.`, {
    details: problems,
  });
}

/** What PostgreSQL refused because another create was faster; undefined for every other error. */
export function refusalOfRace(error: unknown): AppError | undefined {
  const { code, constraint } = (error ?? {}) as { code?: string; constraint?: string };
  if (code === '23505' && constraint === 'clusters_one_living_name') return refusalOf([nameAlreadyExists]);
  if (code === '23505' && constraint === 'federation_members_primary_cluster_id_datacenter_key')
    return refusalOf([datacenterAlreadyExists]);
  if (code === '23502' && (error as { table?: string }).table === 'federation_members')
    return new AppError('Conflict', 'The primary datacenter is being deleted and takes no secondaries.');
  if (code === '23514' && constraint === 'tenants_quota') return refusalOf([quotaTaken]);
  if (code === '23P01' && constraint === 'clusters_networks_apart') return refusalOf([networkOverlap()]);
  return undefined;
}
