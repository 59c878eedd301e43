import type { ClusterFacts, FederationFacts, Finding, FindingReason, SeenFinding, ServerFacts } from './facts';

const RECOVER = 'Ask the service to recover the quorum: from the servers that are left, or from a snapshot.';

const find = (reason: FindingReason, message: string, about = ''): Finding => ({ reason, about, message });

/** Why nobody leads. Agents that are away say nothing of their servers, so silence from all of them proves no loss. */
function findMissingLeader({ servers, hasLeader }: ClusterFacts): Finding[] {
  if (hasLeader) return [];
  const connected = servers.filter(({ agentConnected }) => agentConnected);
  if (connected.length === 0) return [find('NotReachable', 'No server reports to the service, so their state is not known.')];
  const running = connected.filter(({ consulRunning }) => consulRunning).length;
  if (running * 2 > servers.length) return [find('NoLeader', 'The servers run but have not agreed on a leader.')];
  const sentence = `Only ${running} of ${servers.length} servers can be seen running: too few to agree on anything.`;
  return [find('QuorumLost', `${sentence} ${RECOVER}`)];
}

function findOnServer(server: ServerFacts): Finding[] {
  const { name, agentConnected, consulRunning, healthy } = server;
  if (!agentConnected) {
    const away = find('AgentAway', `Server ${name} does not report to the service.`, name);
    return healthy === false ? [away, find('ServerUnhealthy', `The other servers find ${name} unhealthy.`, name)] : [away];
  }
  if (consulRunning === false) return [find('ServerDown', `Consul does not run on ${name}.`, name)];
  if (healthy === false) return [find('ServerUnhealthy', `The other servers find ${name} unhealthy.`, name)];
  return [];
}

/** What is wrong with the servers of a cluster. */
export const findInServers = (facts: ClusterFacts): Finding[] => [
  ...findMissingLeader(facts),
  ...facts.servers.flatMap((server) => findOnServer(server)),
];

/** What is wrong between the datacenters of a federation, seen from one of them. */
export function findInFederation({ follows, expected, alive, copiesTokens }: FederationFacts): Finding[] {
  if (follows?.isGone) {
    const message = `The primary datacenter ${follows.datacenter} is gone: tokens and rules can be made no more.`;
    return [find('PrimaryDatacenterMissing', message, follows.datacenter)];
  }
  const unseen = expected
    .filter((datacenter) => !alive.includes(datacenter))
    .map((datacenter) => find('DatacenterNotSeen', `No server of datacenter ${datacenter} is seen alive.`, datacenter));
  if (unseen.length > 0 || copiesTokens !== false) return unseen;
  return [find('TokensNotCopied', `Tokens are not copied from the primary datacenter ${follows?.datacenter ?? ''}.`)];
}

const keyOf = ({ reason, about }: Finding): string => `${reason} ${about}`;

/** The findings of this look with how often each was seen in a row, given those of the look before. */
export function countFindings(before: readonly SeenFinding[], found: readonly Finding[], now: Date): SeenFinding[] {
  const known = new Map(before.map((finding) => [keyOf(finding), finding]));
  return found.map((finding) => {
    const last = known.get(keyOf(finding));
    return { ...finding, looks: (last?.looks ?? 0) + 1, firstSeenAt: last?.firstSeenAt ?? now };
  });
}
