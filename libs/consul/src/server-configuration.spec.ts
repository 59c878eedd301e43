import { SecretValue } from '@managed-consul/config';
import { describe, expect, it } from 'vitest';
import { clientConfiguration } from './client-configuration';
import { serverConfiguration, type ServerConfigurationInput } from './server-configuration';

const input = (consulVersion: string, changes: Partial<ServerConfigurationInput> = {}): ServerConfigurationInput => ({
  consulVersion,
  nodeName: 'hello-server-0',
  datacenter: 'dc1',
  address: '10.0.0.4',
  serverAddresses: ['10.0.0.4', '10.0.0.5', '10.0.0.6'],
  servers: 3,
  bootstrap: true,
  gossipKey: new SecretValue('gossip'),
  managementToken: new SecretValue('management'),
  agentToken: new SecretValue('agent'),
  ...changes,
});

describe('configuration of a server', () => {
  it.each(['1.8.7', '1.11.2', '1.12.3', '1.16.6'])(
    'of %s has no HTTP port, encrypts gossip, verifies TLS and denies by default',
    (version) => {
      const configuration = serverConfiguration(input(version));
      expect(configuration).toMatchObject({
        ports: { http: -1, https: 8501 },
        encrypt: 'gossip',
        encrypt_verify_incoming: true,
        acl: { default_policy: 'deny', enabled: true },
        autopilot: { min_quorum: 3 },
        performance: { raft_multiplier: 1 },
      });
      expect(configuration).not.toHaveProperty('verify_incoming');
      const tls = (configuration['tls'] as Record<string, Record<string, unknown>> | undefined)?.['internal_rpc'];
      expect(tls ?? configuration).toMatchObject({ verify_server_hostname: true });
    },
  );

  it('names the management token as the version does', () => {
    expect(serverConfiguration(input('1.10.12'))).toMatchObject({ acl: { tokens: { master: 'management', agent: 'agent' } } });
    expect(serverConfiguration(input('1.11.0'))).toMatchObject({ acl: { tokens: { initial_management: 'management' } } });
  });

  it('keeps a server that joins later out of a first election', () => {
    expect(serverConfiguration(input('1.8.7', { bootstrap: false }))).not.toHaveProperty('bootstrap_expect');
  });

  it('gossips with other datacenters only as a member of a federation', () => {
    const alone = serverConfiguration(input('1.8.7'));
    expect(alone).toMatchObject({ ports: { serf_wan: -1 } });
    expect(alone).not.toHaveProperty('primary_datacenter');
    const primary = serverConfiguration(input('1.8.7', { federation: { primaryDatacenter: 'dc1' } }));
    expect(primary).toMatchObject({
      ports: { serf_wan: 8302 },
      primary_datacenter: 'dc1',
      acl: { tokens: { master: 'management' } },
    });
    expect(primary).not.toHaveProperty('retry_join_wan');
  });

  it('has a secondary copy all access rules from its primary, and make no management token of its own', () => {
    const follows = { addresses: ['10.1.0.4'], replicationToken: new SecretValue('replication') };
    const secondary = serverConfiguration(input('1.16.6', { federation: { primaryDatacenter: 'dc0', follows } }));
    expect(secondary).toMatchObject({ primary_datacenter: 'dc0', retry_join_wan: ['10.1.0.4'], ports: { serf_wan: 8302 } });
    expect(secondary['acl']).toMatchObject({ enable_token_replication: true });
    expect(secondary['acl']).toHaveProperty('tokens', { replication: 'replication', agent: 'agent' });
  });

  it('closes the plain gRPC port where TLS has its own', () => {
    expect(serverConfiguration(input('1.14.1'))).toMatchObject({ ports: { grpc: -1, grpc_tls: 8503 } });
  });
});

describe('configuration of a client', () => {
  it('asks the servers for its certificate and carries no token unless given one', () => {
    const base = {
      consulVersion: '1.8.7',
      datacenter: 'dc1',
      serverAddresses: ['10.0.0.4'],
      gossipKey: new SecretValue('k'),
      caFile: 'ca.pem',
    };
    expect(clientConfiguration(base)).toMatchObject({ auto_encrypt: { tls: true }, verify_server_hostname: true });
    expect(clientConfiguration(base)['acl']).not.toHaveProperty('tokens');
    expect(clientConfiguration({ ...base, agentToken: new SecretValue('t') })).toMatchObject({
      acl: { tokens: { agent: 't', default: 't' } },
    });
  });
});
