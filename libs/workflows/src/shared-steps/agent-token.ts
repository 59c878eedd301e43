import type { SecretValue } from '@managed-consul/config';
import type { WantedToken } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import type { ClusterRecord } from '../services';

/** What Consul shows of the token that a server's own agent works with. */
const agentTokenDescription = ({ name }: Pick<Server, 'name'>): string => `Agent of ${name}`;

/** The token of a server's agent: rights over its own node and nothing else. */
export const wantedAgentToken = (
  { datacenter }: Pick<ClusterRecord, 'datacenter'>,
  server: Pick<Server, 'name'>,
  { accessorId, secretId }: { accessorId: string; secretId: SecretValue },
): WantedToken => ({
  accessorId,
  secretId,
  description: agentTokenDescription(server),
  nodeIdentity: { nodeName: server.name, datacenter },
});

/** Whether a token of Consul was made for the agent of `server`. */
export const isTokenOfAgent = (
  token: { Description: string; NodeIdentities: readonly { NodeName: string }[] },
  server: Pick<Server, 'name'>,
): boolean =>
  token.Description === agentTokenDescription(server) && token.NodeIdentities.some(({ NodeName }) => NodeName === server.name);
