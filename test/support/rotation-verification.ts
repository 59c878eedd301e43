import { createHash, X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { secretOwnerOf, type RotationTarget } from '@managed-consul/clusters';
import { otherKeys, type ConsulClient } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { expect } from 'vitest';
import { CONSUL_HTTPS_PORT } from './consul-https';
import { consulThroughAgent } from './workflow-verification';
import type { WorkflowWorld } from './workflow-world';

/** A cluster as a rotation must leave it, looked at from its servers. */
interface Rotated {
  clusterId: string;
  datacenter: string;
  servers: Server[];
  consul: ConsulClient[];
}

async function lookAt(world: WorkflowWorld, clusterId: string): Promise<Rotated> {
  const where = { id: clusterId };
  const cluster = await world.database.prisma.cluster.findUniqueOrThrow({ where, include: { serverRecords: true } });
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  const servers = cluster.serverRecords;
  const consul = await Promise.all(servers.map((server) => consulThroughAgent(world, clusterId, server, token)));
  return { clusterId, datacenter: cluster.datacenter, servers, consul };
}

const secretsBelow = (world: WorkflowWorld, clusterId: string, prefix: string): Promise<number> =>
  world.database.prisma.secret.count({ where: { owner: secretOwnerOf(clusterId), purpose: { startsWith: prefix } } });

async function gossipKey(world: WorkflowWorld, { clusterId, consul }: Rotated): Promise<string> {
  const key = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'gossip-key');
  for (const client of consul) {
    const rings = await client.keyring.rings();
    expect(otherKeys(rings, key)).toEqual([]);
    expect(rings.map(({ Keys }) => Keys.get(key.reveal()))).toEqual(rings.map(({ NumNodes }) => NumNodes));
  }
  expect(await secretsBelow(world, clusterId, 'gossip-key/')).toBe(0);
  return createHash('sha256').update(key.reveal()).digest('hex');
}

async function agentTokens(world: WorkflowWorld, { clusterId, servers, consul }: Rotated): Promise<string> {
  for (const client of consul) {
    const tokens = await client.accessControl.listTokens();
    const ofAgents = tokens.filter(({ NodeIdentities }) => NodeIdentities.length > 0).map(({ AccessorID }) => AccessorID);
    expect(ofAgents.sort()).toEqual(servers.map(({ agentTokenAccessorId }) => agentTokenAccessorId).sort());
  }
  for (const server of servers) {
    const secret = await world.dependencies.secrets.get(secretOwnerOf(clusterId), `agent-token/${server.vmId}`);
    expect(await (await consulThroughAgent(world, clusterId, server, secret)).accessControl.isAccepted()).toBe(true);
    expect(await secretsBelow(world, clusterId, `agent-token/${server.vmId}/`)).toBe(0);
  }
  return servers.map(({ agentTokenAccessorId }) => agentTokenAccessorId).join();
}

async function connectRoot(world: WorkflowWorld, { clusterId, consul }: Rotated): Promise<string> {
  const active = await Promise.all(consul.map(async ({ connectAuthority }) => (await connectAuthority.roots()).ActiveRootID));
  expect(new Set(active).size).toBe(1);
  expect(await secretsBelow(world, clusterId, 'connect-authority-key/')).toBe(0);
  return active[0] ?? '';
}

/** The certificate that a server shows to whoever trusts `ca`. Rejects when it cannot be trusted. */
export function servedCertificate(server: Pick<Server, 'address'>, datacenter: string, ca: string): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const servername = `server.${datacenter}.consul`;
    const socket = connect({ host: server.address, port: CONSUL_HTTPS_PORT, servername, ca }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate) resolve(certificate);
      else reject(new Error('The server showed no certificate.'));
    });
    socket.on('error', reject);
  });
}

const certificatesOf = ({ database }: WorkflowWorld, clusterId: string) =>
  database.prisma.certificate.findMany({ where: { owner: secretOwnerOf(clusterId) } });

async function serverCertificates(world: WorkflowWorld, { clusterId, datacenter, servers }: Rotated): Promise<string> {
  const recorded = await certificatesOf(world, clusterId);
  const ca = recorded.find(({ purpose }) => purpose === 'ca')?.pem ?? '';
  const serials: string[] = [];
  for (const server of servers) {
    const own = recorded.filter(({ purpose }) => purpose === `server/${server.vmId}`);
    expect(own).toHaveLength(1);
    const { serialNumber } = await servedCertificate(server, datacenter, ca);
    expect(serialNumber.toLowerCase()).toBe(own[0]?.serial);
    serials.push(serialNumber);
  }
  return serials.join();
}

async function certificateAuthority(world: WorkflowWorld, rotated: Rotated): Promise<string> {
  await serverCertificates(world, rotated);
  const recorded = await certificatesOf(world, rotated.clusterId);
  const authorities = recorded.filter(({ purpose }) => purpose.startsWith('ca'));
  expect(authorities.map(({ purpose }) => purpose).sort()).toEqual(['ca', 'ca/cross']);
  expect(await secretsBelow(world, rotated.clusterId, 'ca-key')).toBe(1);
  return authorities.find(({ purpose }) => purpose === 'ca')?.serial ?? '';
}

const LOOKS: Record<RotationTarget, (world: WorkflowWorld, rotated: Rotated) => Promise<string>> = {
  GossipKey: gossipKey,
  AgentTokens: agentTokens,
  ConnectAuthority: connectRoot,
  ServerCertificates: serverCertificates,
  CertificateAuthority: certificateAuthority,
};

/**
 * What of `what` is in force, as the servers themselves show it: another word after each rotation. Throws when it differs from
 * the records, or when anything of a rotation is left over.
 */
export async function inForce(world: WorkflowWorld, what: RotationTarget, clusterId: string): Promise<string> {
  return LOOKS[what](world, await lookAt(world, clusterId));
}
