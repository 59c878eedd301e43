import { sealDesiredState, type DesiredState } from '@managed-consul/agent-protocol';
import { isSecondary, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import { serverConfiguration, type FederationConfiguration } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { Step } from '../services';
import { managementToken } from './consul-access';
import { agentToken, findServerCertificate, trustedAuthorities } from './server-secrets';

/** What of a server differs from operation to operation. */
export interface ServerWish {
  server: Server;
  consulVersion: string;
  /** True only for the servers that found a cluster together. */
  bootstrap: boolean;
  running: boolean;
  /** With `running` false: Consul is leaving the cluster and ends by itself. */
  endsByItself?: boolean;
  /** From now on it gossips with other datacenters. Left out, it does so if it did before. */
  opensWan?: boolean;
}

/** What a server of a cluster that runs is now: the base of every change of one thing about it. */
export const presentWish = ({ cluster }: Pick<Step, 'cluster'>, server: Server): ServerWish => ({
  server,
  // After an upgrade that failed half-way the servers run different versions.
  consulVersion: server.consulVersion ?? cluster.consulVersion,
  bootstrap: false,
  running: true,
});

type Needs = Pick<Step, 'cluster' | 'database' | 'secrets' | 'clock'>;

/** SHA-256 of a version's program by platform, from the catalogue. */
export async function programHashes(
  { database }: Pick<Step, 'database'>,
  version: string,
): Promise<DesiredState['consul']['sha256']> {
  const artifacts = await database.prisma.consulArtifact.findMany({ where: { version } });
  if (artifacts.length === 0) {
    throw new TerminalError(
      'ConsulVersionUnavailable',
      `Consul ${version} is not in the service's catalogue. Choose another version.`,
    );
  }
  return Object.fromEntries(artifacts.map(({ platform, sha256 }) => [platform, sha256]));
}

/** Of the members, and of a server that is about to become one. */
const addressesWith = (members: readonly Server[], server: Server): string[] => [
  ...new Set([...members.map(({ address }) => address), server.address]),
];

/** What the server is told of its federation; undefined while it takes no part in one. */
async function federationOf(
  { cluster, database, secrets }: Needs,
  { server, opensWan = false }: ServerWish,
): Promise<FederationConfiguration | undefined> {
  const { federation, datacenter } = cluster;
  if (!federation) return undefined;
  if (!isSecondary(federation))
    return federation.openedAt || server.wanOpen || opensWan ? { primaryDatacenter: datacenter } : undefined;
  const [primary, replicationToken] = await Promise.all([
    database.prisma.cluster.findUniqueOrThrow({
      where: { id: federation.primaryClusterId },
      include: { serverRecords: { where: { membership: 'Member' } } },
    }),
    secrets.get(secretOwnerOf(cluster.id), SECRET_PURPOSES.replicationToken),
  ]);
  const addresses = primary.serverRecords.map(({ address }) => address).sort();
  return { primaryDatacenter: primary.datacenter, follows: { addresses, replicationToken } };
}

/**
 * What a server is to be. The same wish gives the same state and hash, so asking an agent again changes nothing. Contains
 * secrets: it goes to the agent and nowhere else.
 */
export async function desiredStateOf(needs: Needs, wish: ServerWish): Promise<DesiredState> {
  const { server, consulVersion, bootstrap, running, endsByItself = false } = wish;
  const { cluster, secrets, clock } = needs;
  const [caCertificate, serverCertificate, gossipKey, management, agent, sha256, federation] = await Promise.all([
    trustedAuthorities(needs),
    findServerCertificate(needs, server, clock.now()),
    secrets.get(secretOwnerOf(cluster.id), SECRET_PURPOSES.gossipKey),
    managementToken(needs),
    agentToken(needs, server),
    programHashes(needs, consulVersion),
    federationOf(needs, wish),
  ]);
  if (!serverCertificate) {
    const cause = new Error(`Server ${server.name} has no certificate.`);
    throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.', cause);
  }
  const configuration = serverConfiguration({
    consulVersion,
    nodeName: server.name,
    datacenter: cluster.datacenter,
    address: server.address,
    serverAddresses: addressesWith(cluster.serverRecords, server),
    servers: cluster.servers,
    bootstrap,
    gossipKey,
    managementToken: management,
    agentToken: agent,
    federation,
  });
  return sealDesiredState({
    serverName: server.name,
    datacenter: cluster.datacenter,
    running,
    ...(endsByItself ? { endsByItself } : {}),
    consul: { version: consulVersion, sha256 },
    configuration,
    caCertificate,
    serverCertificate,
  });
}
