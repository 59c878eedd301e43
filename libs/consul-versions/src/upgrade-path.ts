import type { ConsulVersionStatus } from '@managed-consul/database';
import { hopIsAllowed } from './hop-rules';
import { warningsBetween, type UpgradeWarning } from './upgrade-checkpoints';
import { compareNumbers, inSameLine, parseVersion, type VersionNumber } from './version-number';

/** What the planner must know of a version in the catalogue. */
export interface CatalogueEntry {
  version: string;
  status: ConsulVersionStatus;
  blockedReason: string | null;
  /** Its verified programs; without any it cannot be installed. */
  artifacts: readonly unknown[];
}

/** From what, to what, with what. `from`: the versions that the servers run; after a failed upgrade they differ. */
export interface UpgradeWish {
  from: readonly string[];
  to: string;
  catalogue: readonly CatalogueEntry[];
  /** The versions that the servers of the primary datacenter run; empty or left out where none is followed. */
  primary?: readonly string[];
}

/** All servers go to this version before the next hop begins. */
export interface UpgradeHop {
  version: string;
  warnings: readonly UpgradeWarning[];
}

export interface UpgradePlan {
  kind: 'plan';
  hops: readonly UpgradeHop[];
}

export type UpgradeRefusalCode =
  'UpgradeNotNewer' | 'UpgradePathForbidden' | 'VersionBlocked' | 'VersionUnavailable' | 'NewerThanPrimary';

export interface UpgradeRefusal {
  kind: 'refusal';
  code: UpgradeRefusalCode;
  /** For the customer: what stands in the way and what to do. */
  message: string;
}

interface Candidate {
  entry: CatalogueEntry;
  number: VersionNumber;
}

const refuse = (code: UpgradeRefusalCode, message: string): UpgradeRefusal => ({ kind: 'refusal', code, message });

function readAll(versions: readonly string[]): VersionNumber[] {
  const numbers = versions.map((version) => {
    const number = parseVersion(version);
    if (!number) throw new Error(`Not a Consul version: ${version}`);
    return number;
  });
  if (numbers.length === 0) throw new Error('A plan needs to know which versions the servers run.');
  return numbers.sort(compareNumbers);
}

const candidatesOf = (catalogue: readonly CatalogueEntry[]): Candidate[] =>
  catalogue
    .flatMap((entry) => {
      const number = parseVersion(entry.version);
      return number && entry.status !== 'BLOCKED' ? [{ entry, number }] : [];
    })
    .sort((one, other) => compareNumbers(other.number, one.number));

/**
 * The fewest hops from `start` to `target`, each to the newest version that still leads there. `steps` are sorted the newest
 * first, so the first way that is found to a version is the best one. Undefined when no way leads there.
 */
function findWay(start: VersionNumber, target: VersionNumber, steps: readonly Candidate[]): Candidate[] | undefined {
  let ways: { at: VersionNumber; way: Candidate[] }[] = [{ at: start, way: [] }];
  const seen = new Set<Candidate>();
  while (ways.length > 0) {
    const next: typeof ways = [];
    for (const { at, way } of ways) {
      for (const step of steps) {
        if (seen.has(step) || !hopIsAllowed(at, step.number)) continue;
        seen.add(step);
        const longer = [...way, step];
        if (step.number === target) return longer;
        next.push({ at: step.number, way: longer });
      }
    }
    ways = next;
  }
  return undefined;
}

function hopsOf(start: VersionNumber, way: readonly Candidate[]): UpgradeHop[] {
  return way.map(({ entry, number }, index) => {
    const warnings = warningsBetween(way[index - 1]?.number ?? start, number);
    const preview = {
      code: 'PreviewVersion',
      message: `Consul ${entry.version} is a preview. Try it on a cluster that you can lose.`,
    };
    return { version: entry.version, warnings: entry.status === 'PREVIEW' ? [...warnings, preview] : warnings };
  });
}

function refuseTarget(to: string, target: CatalogueEntry | undefined): UpgradeRefusal | undefined {
  if (!target) return refuse('VersionUnavailable', `Consul ${to} is not on offer. GET /v1/versions lists what is.`);
  if (target.status !== 'BLOCKED') return undefined;
  const reason = target.blockedReason ?? 'it is not safe to run';
  return refuse('VersionBlocked', `Consul ${to} is blocked: ${reason}. Choose another version.`);
}

/** Says which versions are in the way: those between that the service has no program of, or that none leads there at all. */
function refuseWay(to: string, known: readonly Candidate[] | undefined): UpgradeRefusal {
  const missing = (known ?? []).filter(({ entry }) => entry.artifacts.length === 0).map(({ entry }) => entry.version);
  if (missing.includes(to))
    return refuse('VersionUnavailable', `The service holds no verified program of Consul ${to} yet. Choose another version.`);
  const why = known
    ? `the way leads over ${missing.join(', ')}, of which the service holds no verified program yet`
    : 'no allowed sequence of versions leads there';
  return refuse('UpgradePathForbidden', `The servers cannot go to Consul ${to}: ${why}. Choose an earlier version.`);
}

/** A federation is upgraded from its primary on: a secondary may not ask it for what it does not know yet. */
function refuseToPass(to: string, target: VersionNumber, primary: readonly string[]): UpgradeRefusal | undefined {
  const oldest = primary.length > 0 ? readAll(primary)[0] : undefined;
  if (!oldest || compareNumbers(target, oldest) <= 0) return undefined;
  const runs = `The primary datacenter runs Consul ${[...new Set(primary)].join(', ')}, and a secondary is never newer.`;
  return refuse('NewerThanPrimary', `${runs} Upgrade every server of the primary to ${to} first.`);
}

/**
 * The hops by which servers get to a version, each allowed by the vendor's rules and to the newest safe version that the
 * service can install, with what changes for the customer in each. Or a refusal with a stable code: never back, never to a
 * blocked version, never over a forbidden jump, never to what cannot be installed, never past the primary datacenter.
 */
export function planUpgrade({ from, to, catalogue, primary = [] }: UpgradeWish): UpgradePlan | UpgradeRefusal {
  const versions = readAll(from);
  const [oldest, newest] = [versions[0], versions.at(-1)];
  if (!oldest || !newest) throw new Error('A plan needs to know which versions the servers run.');
  const number = parseVersion(to);
  if (number && (compareNumbers(number, newest) < 0 || compareNumbers(number, oldest) === 0))
    return refuse('UpgradeNotNewer', `The servers run Consul ${from.join(', ')}; ${to} is not newer. Choose a newer version.`);
  const entry = catalogue.find(({ version }) => version === to);
  const refusal = refuseTarget(to, entry) ?? (number && refuseToPass(to, number, primary));
  if (refusal) return refusal;
  // What lies between is never a preview, and never older than what a server runs already.
  const between = ({ entry: { version, status }, number: step }: Candidate) =>
    version === to || (status !== 'PREVIEW' && compareNumbers(step, newest) >= 0);
  const known = candidatesOf(catalogue).filter(between);
  const target = known.find((candidate) => candidate.entry === entry);
  if (!target) return refuse('VersionUnavailable', `Consul ${to} is not on offer. GET /v1/versions lists what is.`);
  const installable = known.filter(({ entry: { artifacts } }) => artifacts.length > 0);
  const way = findWay(oldest, target.number, installable);
  if (way) return { kind: 'plan', hops: hopsOf(oldest, way) };
  if (target.entry.artifacts.length === 0) return refuseWay(to, [target]);
  return refuseWay(to, findWay(oldest, target.number, known));
}

/** A version that servers could be upgraded to, or why not. */
export interface UpgradeVersion {
  version: string;
  status: ConsulVersionStatus;
  plan: UpgradePlan | UpgradeRefusal;
}

/** Every newer version of the catalogue in the order given, with the plan to get there or what stands in the way. */
export function listUpgradeVersions(wish: Omit<UpgradeWish, 'to'>): UpgradeVersion[] {
  return wish.catalogue.flatMap(({ version, status }) => {
    const plan = planUpgrade({ ...wish, to: version });
    return plan.kind === 'refusal' && plan.code === 'UpgradeNotNewer' ? [] : [{ version, status, plan }];
  });
}

/**
 * What an automatic upgrade goes to: the newest patch of the servers' own line that is no preview and can be installed;
 * undefined when they run it already. A new line changes things for the customer and is never chosen for them.
 */
export function newestPatch(wish: Omit<UpgradeWish, 'to'>): string | undefined {
  const newest = readAll(wish.from).at(-1);
  return candidatesOf(wish.catalogue).find(({ entry, number }) => {
    if (!newest || !inSameLine(newest, number) || entry.status === 'PREVIEW') return false;
    return planUpgrade({ ...wish, to: entry.version }).kind === 'plan';
  })?.entry.version;
}
