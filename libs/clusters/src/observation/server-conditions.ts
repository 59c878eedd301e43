import type { ObservedCondition } from '../conditions';
import { isConfirmed, type FindingReason, type SeenFinding } from './facts';

/** Which findings speak against which statement, the gravest first, and what is said while none does. */
interface Rule {
  readonly type: ObservedCondition['type'];
  readonly against: readonly FindingReason[];
  /** What the statement is when one of them is confirmed. */
  readonly status: 'True' | 'False';
  readonly otherwise: Omit<ObservedCondition, 'type'>;
}

export const SERVER_RULES: readonly Rule[] = [
  {
    type: 'Available',
    against: ['QuorumLost', 'NoLeader', 'NotReachable'],
    status: 'False',
    otherwise: { status: 'True', reason: 'LeaderElected', message: 'The servers have a leader and take requests.' },
  },
  {
    type: 'Degraded',
    against: ['ServerMissing', 'ServerDown', 'ServerUnhealthy'],
    status: 'True',
    otherwise: { status: 'False', reason: 'AllServersHealthy', message: 'Every server is healthy.' },
  },
  {
    type: 'AgentsConnected',
    against: ['AgentAway'],
    status: 'False',
    otherwise: { status: 'True', reason: 'AllConnected', message: 'Every server reports to the service.' },
  },
];

export const INFRASTRUCTURE_RULES: readonly Rule[] = [
  {
    type: 'InfrastructureInSync',
    against: ['MachineGone', 'ResourceMissing', 'ResourceAltered', 'MachineUnknown'],
    status: 'False',
    otherwise: { status: 'True', reason: 'AsMade', message: 'Everything in Azure is as the service made it.' },
  },
];

/** Said only of a cluster that is in a federation. */
export const FEDERATION_RULES: readonly Rule[] = [
  {
    type: 'Federated',
    against: ['PrimaryDatacenterMissing', 'DatacenterNotSeen', 'TokensNotCopied'],
    status: 'False',
    otherwise: { status: 'True', reason: 'AllDatacentersSeen', message: 'The datacenters of the federation see each other.' },
  },
];

/** Reasons that leave open what is: nothing is known, so nothing is said to be wrong. */
const UNKNOWN: readonly FindingReason[] = ['NotReachable'];

function applyRule({ type, against, status, otherwise }: Rule, findings: readonly SeenFinding[]): ObservedCondition | undefined {
  const spoken = findings.filter(({ reason }) => against.includes(reason));
  if (spoken.length === 0) return { type, ...otherwise };
  const confirmed = spoken.filter(isConfirmed).sort((one, other) => against.indexOf(one.reason) - against.indexOf(other.reason));
  const [gravest] = confirmed;
  // Seen once: the statement stays what it was until the next look.
  if (!gravest) return undefined;
  const message = [...new Set(confirmed.map((finding) => finding.message))].join(' ');
  return { type, status: UNKNOWN.includes(gravest.reason) ? 'Unknown' : status, reason: gravest.reason, message };
}

/** What can be said after a look; statements that a single look does not change are left out. */
export const conditionsFrom = (rules: readonly Rule[], findings: readonly SeenFinding[]): ObservedCondition[] =>
  rules.flatMap((rule) => applyRule(rule, findings) ?? []);
