/**
 * Consul: its HTTP interface over any transport, and the configuration of servers and clients in the keys of each
 * version. Refusals leave as `TerminalError`, everything that passes (no leader, a token that has not spread yet) as
 * `TransientError`. Knows no cluster record, no Azure and no agent.
 */
export { ConsulClient, type ConsulMember, type ServerSelf } from './consul-client';
export type { ConnectLeaf, ConnectRoots } from './connect-authority';
export { everyMemberKnows, everyMemberUses, otherKeys, type KeyRing } from './keyring';
export type { ConsulFetch, ConsulRequest } from './connection';
export { ANONYMOUS_TOKEN_ACCESSOR, GLOBAL_MANAGEMENT_POLICY, type ConsulToken, type WantedToken } from './access-control';
export type { CatalogNode, GossipMember } from './catalog';
export type { AutopilotConfiguration, AutopilotHealth, RaftServer } from './operator';
export {
  serverConfiguration,
  type ConsulConfiguration,
  type FederationConfiguration,
  type ServerConfigurationInput,
} from './server-configuration';
export { clientConfiguration, type ClientConfigurationInput } from './client-configuration';
export { isAtLeast } from './versions';
