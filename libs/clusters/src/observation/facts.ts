/** What a look at one server gave. Undefined: it could not be seen. */
export interface ServerFacts {
  readonly name: string;
  readonly vmId: string;
  readonly agentConnected: boolean;
  /** Whether the agent says that Consul runs, and whether it is meant to. */
  readonly consulRunning: boolean | undefined;
  readonly consulVersion: string | undefined;
  readonly raftRole: 'leader' | 'voter' | 'non-voter' | undefined;
  /** What autopilot says of it. */
  readonly healthy: boolean | undefined;
}

/** What a look at a cluster's servers gave. */
export interface ClusterFacts {
  readonly servers: readonly ServerFacts[];
  /** Whether a leader answered: then the cluster takes writes. */
  readonly hasLeader: boolean;
}

/** What a look from one datacenter of a federation at the others gave. */
export interface FederationFacts {
  /** The primary that it follows; undefined for a primary itself. */
  readonly follows: { readonly datacenter: string; readonly isGone: boolean } | undefined;
  /** The datacenters that it is to see: a secondary its primary, a primary all that have joined. */
  readonly expected: readonly string[];
  /** The datacenters that have a server which is alive. */
  readonly alive: readonly string[];
  /** Whether tokens are being copied from the primary; undefined for a primary. */
  readonly copiesTokens: boolean | undefined;
}

/** Something wrong that a look saw. */
export interface Finding {
  readonly reason: FindingReason;
  /** Name of the server or the resource; empty for the cluster as a whole. */
  readonly about: string;
  /** One sentence for the customer. */
  readonly message: string;
}

/** Everything that can be found wrong. Stable words: programs compare them. */
export const FINDING_REASONS = [
  'NotReachable',
  'QuorumLost',
  'NoLeader',
  'ServerDown',
  'ServerUnhealthy',
  'AgentAway',
  'MachineGone',
  'MachineUnknown',
  'ServerMissing',
  'ResourceMissing',
  'ResourceAltered',
  'PrimaryDatacenterMissing',
  'DatacenterNotSeen',
  'TokensNotCopied',
] as const;
export type FindingReason = (typeof FINDING_REASONS)[number];

/** A finding with how often it was seen in a row. */
export interface SeenFinding extends Finding {
  readonly looks: number;
  readonly firstSeenAt: Date;
}

/** One look may fall into an election or a restart; what the next one still sees is so. */
export const LOOKS_TO_CONFIRM = 2;

export const isConfirmed = ({ looks }: SeenFinding): boolean => looks >= LOOKS_TO_CONFIRM;
