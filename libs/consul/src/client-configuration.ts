import type { SecretValue } from '@managed-consul/config';
import type { ConsulConfiguration } from './server-configuration';
import { isAtLeast } from './versions';

/** What a customer's own Consul agent needs to join a cluster. */
export interface ClientConfigurationInput {
  consulVersion: string;
  datacenter: string;
  serverAddresses: readonly string[];
  gossipKey: SecretValue;
  /** File of the cluster's CA certificate, beside the configuration. */
  caFile: string;
  /** Token that the customer made for the agent; without one the customer adds it. */
  agentToken?: SecretValue;
}

/**
 * Configuration of a client agent. It gets its own certificate from the servers (`auto_encrypt`), for which its token
 * needs `node:write`.
 */
export function clientConfiguration(input: ClientConfigurationInput): ConsulConfiguration {
  const tls: ConsulConfiguration = isAtLeast(input.consulVersion, 1, 12)
    ? { tls: { defaults: { ca_file: input.caFile, verify_outgoing: true }, internal_rpc: { verify_server_hostname: true } } }
    : { ca_file: input.caFile, verify_outgoing: true, verify_server_hostname: true };
  const token = input.agentToken?.reveal();
  const tokens: ConsulConfiguration = token === undefined ? {} : { tokens: { agent: token, default: token } };
  return {
    server: false,
    datacenter: input.datacenter,
    encrypt: input.gossipKey.reveal(),
    encrypt_verify_incoming: true,
    encrypt_verify_outgoing: true,
    retry_join: [...input.serverAddresses],
    auto_encrypt: { tls: true },
    ...tls,
    acl: {
      enabled: true,
      default_policy: 'deny',
      down_policy: 'extend-cache',
      enable_token_persistence: true,
      ...tokens,
    },
  };
}
