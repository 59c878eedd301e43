import type { EndpointVisibility, UpgradePolicy } from '@managed-consul/database';
import { hours } from '@managed-consul/config';
import type { MaintenanceWindow } from './maintenance-window';

/** Everything that a customer decides about a cluster. */
export interface ClusterSpec {
  name: string;
  datacenter: string;
  region: string;
  consulVersion: string;
  servers: number;
  vmSize: string;
  networkCidr: string;
  endpointVisibility: EndpointVisibility;
  snapshotIntervalSeconds: number;
  snapshotRetentionSeconds: number;
  /** Most snapshots that are kept, whatever their age. */
  snapshotRetentionCount: number;
  upgradePolicy: UpgradePolicy;
  maintenanceWindow: MaintenanceWindow | null;
  /** Days in UTC, `YYYY-MM-DD`, on which no automatic work begins. */
  blackoutDates: readonly string[];
  email: string;
  tags: Record<string, string>;
  plan: string;
}

/** What was asked for, before the defaults. A field that did not fit its type is left out; its problem is told apart. */
export type ClusterDraft = { installationId?: string | undefined } & {
  [Field in keyof ClusterSpec]?: ClusterSpec[Field] | undefined;
};

const secondsOf = (milliseconds: number): number => milliseconds / 1000;
const DAY = secondsOf(hours(24));

/** Bounds of a spec. The tag bounds are Azure Resource Manager's, so that every tag fits on an Azure resource. */
export const LIMITS = {
  servers: [1, 3, 5],
  /** Azure keeps 5 addresses of a subnet, and servers that are being replaced need as many again. */
  networkPrefix: { widest: 16, narrowest: 28 },
  snapshotIntervalSeconds: { min: secondsOf(hours(1)), max: 7 * DAY },
  snapshotRetentionSeconds: { min: DAY, max: 365 * DAY },
  snapshotRetentionCount: { min: 1, max: 1000 },
  blackoutDates: 100,
  tags: { count: 15, nameLength: 512, valueLength: 256 },
  emailLength: 254,
} as const;

/** What a spec is filled up with where the customer says nothing; the rest follows from the installation and the catalogue. */
export const DEFAULTS = {
  servers: 3,
  vmSize: 'Standard_D2s_v3',
  networkCidr: '172.25.16.0/24',
  endpointVisibility: 'Private',
  snapshotIntervalSeconds: DAY,
  snapshotRetentionSeconds: 30 * DAY,
  snapshotRetentionCount: 60,
  upgradePolicy: 'Manual',
  maintenanceWindow: null,
  blackoutDates: [],
  tags: {},
} as const satisfies Partial<ClusterSpec>;

/** What defaults depend on. */
export interface SpecSurroundings {
  region: string | undefined;
  plan: string | undefined;
  recommendedVersion: string | undefined;
}

const withoutUndefined = (draft: ClusterDraft): ClusterDraft =>
  Object.fromEntries(Object.entries(draft as Record<string, unknown>).filter(([, value]) => value !== undefined));

/** The draft with its defaults. Fields that have none (name, email) may still be missing. */
export function fillSpec(draft: ClusterDraft, surroundings: SpecSurroundings): ClusterDraft {
  return {
    ...DEFAULTS,
    region: surroundings.region,
    plan: surroundings.plan,
    consulVersion: surroundings.recommendedVersion,
    datacenter: draft.name?.toLowerCase(),
    ...withoutUndefined(draft),
  };
}
