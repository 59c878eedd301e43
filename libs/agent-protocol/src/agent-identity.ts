/** Who an agent is: the cluster that it serves and the machine that it runs on. */
export interface AgentIdentity {
  readonly clusterId: string;
  readonly vmId: string;
}

const PREFIX = 'urn:managed-consul:agent:';

/** The URI in an agent's client certificate that says who it is. */
export function agentIdentityUri({ clusterId, vmId }: AgentIdentity): string {
  return `${PREFIX}${clusterId}:${vmId}`;
}

/** Reads such a URI; undefined when it is none. */
export function parseAgentIdentityUri(uri: string): AgentIdentity | undefined {
  if (!uri.startsWith(PREFIX)) return undefined;
  const [clusterId, vmId, ...rest] = uri.slice(PREFIX.length).split(':');
  return clusterId && vmId && rest.length === 0 ? { clusterId, vmId } : undefined;
}
