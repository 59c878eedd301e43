import { GLOBAL_MANAGEMENT_POLICY, type ConsulToken } from '@managed-consul/consul';

/** How Consul describes the token that its configuration names, before 1.11 and since. */
const MANAGEMENT_DESCRIPTIONS: readonly string[] = ['Master Token', 'Initial Management Token'];

/** How the service describes the token of a server. */
const AGENT_DESCRIPTION = /^Agent of /;

/**
 * Tokens that the service made for the cluster that a snapshot was taken of: its management token and those of its servers.
 * Customers never had them; in another cluster they are nobody's. `own` are accessors of the new cluster's.
 */
export function serviceTokensOfSource(tokens: readonly ConsulToken[], own: readonly string[]): string[] {
  const isManagement = ({ Description, Policies }: ConsulToken): boolean =>
    MANAGEMENT_DESCRIPTIONS.includes(Description) && Policies.some(({ Name }) => Name === GLOBAL_MANAGEMENT_POLICY);
  const isAgent = ({ Description, NodeIdentities }: ConsulToken): boolean =>
    NodeIdentities.length > 0 && AGENT_DESCRIPTION.test(Description);
  return tokens
    .filter(({ AccessorID }) => !own.includes(AccessorID))
    .filter((token) => isManagement(token) || isAgent(token))
    .map(({ AccessorID }) => AccessorID);
}
