import { randomUUID } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import type { ConsulClient } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { consulThroughAgent } from './workflow-verification';
import type { WorkflowWorld } from './workflow-world';

/** A token that a customer made. */
export interface MadeToken {
  accessorId: string;
  secretId: SecretValue;
}

/** What a customer keeps in a cluster, read and written as the service could. */
export class ConsulContents {
  constructor(
    private readonly world: WorkflowWorld,
    readonly clusterId: string,
  ) {}

  servers(): Promise<Server[]> {
    return this.world.database.prisma.server.findMany({ where: { clusterId: this.clusterId }, orderBy: { name: 'asc' } });
  }

  managementToken(): Promise<SecretValue> {
    return this.world.dependencies.secrets.get(secretOwnerOf(this.clusterId), 'management-token');
  }

  /** Consul on the first server, with the management token. */
  async consul(): Promise<ConsulClient> {
    const [server] = await this.servers();
    if (!server) throw new Error('The cluster has no server.');
    return consulThroughAgent(this.world, this.clusterId, server, await this.managementToken());
  }

  async ask(method: string, path: string, body?: unknown): Promise<string> {
    const [server] = await this.servers();
    const agent = await this.world.dependencies.agents.find(this.clusterId, server?.vmId ?? '');
    const answer = await agent.consulFetch(path, {
      method,
      headers: { 'x-consul-token': (await this.managementToken()).reveal() },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text;
  }

  /** A key, an intention, and a service on a node that runs no agent. */
  async fill(color: string): Promise<void> {
    await (await this.consul()).writeKey('app/color', color);
    const intention = { SourceName: `web-${color}`, DestinationName: 'db', Action: 'allow' };
    await this.ask('POST', '/v1/connect/intentions', intention);
    const service = { Node: `outside-${color}`, Address: '192.0.2.7', Service: { Service: `mail-${color}` } };
    await this.ask('PUT', '/v1/catalog/register', service);
  }

  /** Takes out of the cluster what `fill` put in; the key is overwritten. */
  async clear(color: string): Promise<void> {
    const intentions = JSON.parse(await this.ask('GET', '/v1/connect/intentions')) as { ID: string; SourceName: string }[];
    const own = intentions.find(({ SourceName }) => SourceName === `web-${color}`);
    if (own) await this.ask('DELETE', `/v1/connect/intentions/${own.ID}`);
    await this.ask('PUT', '/v1/catalog/deregister', { Node: `outside-${color}` });
  }

  /** What of it is there. */
  async look(): Promise<{ color: string | undefined; intentions: string[]; services: string[] }> {
    const consul = await this.consul();
    const intentions = JSON.parse(await this.ask('GET', '/v1/connect/intentions')) as { SourceName: string }[];
    return {
      color: await consul.readKey('app/color'),
      intentions: intentions.map(({ SourceName }) => SourceName).sort(),
      services: Object.keys(await consul.services())
        .filter((name) => name.startsWith('mail-'))
        .sort(),
    };
  }

  async makeToken(description: string): Promise<MadeToken> {
    const token = { accessorId: randomUUID(), secretId: new SecretValue(randomUUID()) };
    await (await this.consul()).accessControl.ensureToken({ ...token, description });
    return token;
  }

  async revoke({ accessorId }: MadeToken): Promise<void> {
    await (await this.consul()).accessControl.removeToken(accessorId);
  }

  /** What each server says to a secret. */
  async isAccepted(secret: SecretValue): Promise<boolean[]> {
    const servers = await this.servers();
    const clients = servers.map((server) => consulThroughAgent(this.world, this.clusterId, server, secret));
    return Promise.all((await Promise.all(clients)).map((consul) => consul.accessControl.isAccepted()));
  }
}
