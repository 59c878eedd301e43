import type { SecretValue } from '@managed-consul/config';
import { isAtLeast } from './versions';

/** JSON as a Consul configuration file holds it. */
export type ConfigurationValue = string | number | boolean | null | ConfigurationValue[] | { [key: string]: ConfigurationValue };
export type ConsulConfiguration = Record<string, ConfigurationValue>;

/** Where a server finds its files, relative to the folder that it runs in. */
const FILES = { ca: 'tls/ca.pem', certificate: 'tls/server.pem', key: 'tls/server-key.pem', data: 'data' };

/** What one server's configuration depends on. */
export interface ServerConfigurationInput {
  consulVersion: string;
  nodeName: string;
  datacenter: string;
  /** The server's own address: it binds, serves and advertises nothing else. */
  address: string;
  /** Addresses of all servers, the own one included. */
  serverAddresses: readonly string[];
  /** Intended number of servers: autopilot never prunes below it. */
  servers: number;
  /** True until the cluster has elected its first leader; a server that joins later must not take part in a first election. */
  bootstrap: boolean;
  gossipKey: SecretValue;
  managementToken: SecretValue;
  agentToken: SecretValue;
  /** Undefined for a cluster that is in no federation. */
  federation?: FederationConfiguration | undefined;
}

/** What a member of a federation is told beside. */
export interface FederationConfiguration {
  /** Its own, for the primary itself. */
  primaryDatacenter: string;
  /** Of a secondary: where the primary's servers are, and the token that it copies access rules with. */
  follows?: { addresses: readonly string[]; replicationToken: SecretValue };
}

/**
 * Ports by name. From 1.14 the plain gRPC port is closed and TLS has its own. Gossip between datacenters is closed: a cluster that
 * is in no federation needs no such port, and with it a new leader takes a second longer to set itself up (measured on 1.8.7).
 */
const ports = (version: string, federated: boolean): ConsulConfiguration => ({
  http: -1,
  https: 8501,
  ...(isAtLeast(version, 1, 14) ? { grpc: -1, grpc_tls: 8503 } : { grpc: 8502 }),
  dns: 8600,
  server: 8300,
  serf_lan: 8301,
  serf_wan: federated ? 8302 : -1,
});

/**
 * TLS between servers is verified both ways. HTTPS asks for no client certificate, which neither browsers nor customers
 * have; plain `verify_incoming` would, and `verify_incoming_https: false` does not undo it on 1.8.
 */
function transportSecurity(version: string): ConsulConfiguration {
  if (!isAtLeast(version, 1, 12)) {
    return {
      ca_file: FILES.ca,
      cert_file: FILES.certificate,
      key_file: FILES.key,
      verify_incoming_rpc: true,
      verify_outgoing: true,
      verify_server_hostname: true,
      tls_min_version: 'tls12',
    };
  }
  return {
    tls: {
      defaults: {
        ca_file: FILES.ca,
        cert_file: FILES.certificate,
        key_file: FILES.key,
        verify_outgoing: true,
        tls_min_version: 'TLSv1_2',
      },
      internal_rpc: { verify_incoming: true, verify_server_hostname: true },
      https: { verify_incoming: false },
      grpc: { verify_incoming: false },
    },
  };
}

/**
 * With the management token in the configuration the leader makes it itself: no bootstrap call can be lost half-way. A secondary
 * datacenter makes no such token: all that is not local to it comes from its primary.
 */
function accessControl({
  consulVersion,
  managementToken,
  agentToken,
  federation,
}: ServerConfigurationInput): ConsulConfiguration {
  const management = isAtLeast(consulVersion, 1, 11) ? 'initial_management' : 'master';
  const replication = federation?.follows?.replicationToken;
  return {
    enabled: true,
    default_policy: 'deny',
    down_policy: 'extend-cache',
    enable_token_persistence: true,
    ...(replication ? { enable_token_replication: true } : {}),
    tokens: {
      ...(replication ? { replication: replication.reveal() } : { [management]: managementToken.reveal() }),
      agent: agentToken.reveal(),
    },
  };
}

/** How a member of a federation finds the others; whom it has met once it remembers over restarts. */
function otherDatacenters({ federation }: ServerConfigurationInput): ConsulConfiguration {
  if (!federation) return {};
  const { primaryDatacenter, follows } = federation;
  if (!follows) return { primary_datacenter: primaryDatacenter };
  return { primary_datacenter: primaryDatacenter, retry_join_wan: [...follows.addresses], retry_interval_wan: '1s' };
}

/** The whole configuration of a server, in the keys of its version. Contains secrets. */
export function serverConfiguration(input: ServerConfigurationInput): ConsulConfiguration {
  const { consulVersion, address } = input;
  return {
    server: true,
    node_name: input.nodeName,
    datacenter: input.datacenter,
    data_dir: FILES.data,
    bind_addr: address,
    client_addr: address,
    advertise_addr: address,
    ports: ports(consulVersion, input.federation !== undefined),
    ...otherDatacenters(input),
    ...(input.bootstrap ? { bootstrap_expect: input.servers } : {}),
    retry_join: [...input.serverAddresses],
    retry_interval: '1s',
    encrypt: input.gossipKey.reveal(),
    encrypt_verify_incoming: true,
    encrypt_verify_outgoing: true,
    ...transportSecurity(consulVersion),
    auto_encrypt: { allow_tls: true },
    connect: { enabled: true },
    ...(isAtLeast(consulVersion, 1, 9) ? { ui_config: { enabled: true } } : { ui: true }),
    acl: accessControl(input),
    autopilot: { cleanup_dead_servers: true, min_quorum: input.servers, last_contact_threshold: '200ms' },
    performance: { raft_multiplier: 1 },
    telemetry: { prometheus_retention_time: '1m', disable_hostname: true },
    leave_on_terminate: false,
    disable_remote_exec: true,
    disable_update_check: true,
  };
}
