import { hours, type Milliseconds } from '@managed-consul/config';
import { isConfirmed, type FindingReason, type SeenFinding } from './facts';

/** More repairs than this in `REPAIR_PERIOD` do not help: then a person has to look. */
export const MOST_REPAIRS = 5;
export const REPAIR_PERIOD: Milliseconds = hours(6);

/**
 * How often `repairAfter` a finding must have stood before the service acts, counted from when it was first seen. An agent
 * starts a dead Consul again by itself, and the machine a dead agent; a gateway that restarts takes its agents away for a moment.
 */
const PATIENCE: Partial<Record<FindingReason, number>> = {
  ServerDown: 1,
  AgentAway: 10,
  MachineGone: 0,
  MachineUnknown: 1,
  ServerMissing: 0,
  ResourceMissing: 0,
  ResourceAltered: 0,
};

/** What replacing a server takes, and only a cluster with a leader can do. */
const NEEDS_LEADER: readonly FindingReason[] = ['AgentAway', 'MachineGone', 'MachineUnknown', 'ServerMissing'];
const NO_LEADER: readonly FindingReason[] = ['NoLeader', 'QuorumLost', 'NotReachable'];

export type RepairDecision =
  | { readonly decision: 'nothing' | 'later' }
  | { readonly decision: 'repair' | 'give up'; readonly findings: readonly SeenFinding[] };

/**
 * Whether to repair now what was found. `repairs` are the ends of the repairs in the last period; each makes the wait before
 * the next one twice as long.
 */
export function decideRepair(
  findings: readonly SeenFinding[],
  repairs: readonly Date[],
  repairAfter: Milliseconds,
  now: Date,
): RepairDecision {
  const hasLeader = !findings.some(({ reason }) => NO_LEADER.includes(reason));
  const repairable = findings.filter(
    (finding) =>
      PATIENCE[finding.reason] !== undefined && isConfirmed(finding) && (hasLeader || !NEEDS_LEADER.includes(finding.reason)),
  );
  if (repairable.length === 0) return { decision: 'nothing' };
  const age = ({ firstSeenAt }: SeenFinding) => now.getTime() - firstSeenAt.getTime();
  const due = repairable.filter((finding) => age(finding) >= (PATIENCE[finding.reason] ?? 0) * repairAfter);
  if (due.length === 0) return { decision: 'later' };
  const recent = repairs.filter((end) => now.getTime() - end.getTime() < REPAIR_PERIOD);
  if (recent.length >= MOST_REPAIRS) return { decision: 'give up', findings: due };
  const last = Math.max(0, ...recent.map((end) => end.getTime()));
  const pause = recent.length === 0 ? 0 : repairAfter * 2 ** (recent.length - 1);
  return now.getTime() - last < pause ? { decision: 'later' } : { decision: 'repair', findings: due };
}
