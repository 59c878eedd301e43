import { z } from 'zod';
import { AccessControl } from './access-control';
import { ConnectAuthority } from './connect-authority';
import { Catalog } from './catalog';
import { ConsulConnection, type ConsulFetch } from './connection';
import { Keyring } from './keyring';
import { Operator } from './operator';
import type { SecretValue } from '@managed-consul/config';

const agentSelfSchema = z.object({
  Config: z.object({ NodeName: z.string(), NodeID: z.string(), Datacenter: z.string(), Version: z.string() }),
  Stats: z.object({
    raft: z.object({ state: z.string(), applied_index: z.string(), commit_index: z.string(), last_log_index: z.string() }),
  }),
});

/** What a server says of itself. */
export interface ServerSelf {
  nodeName: string;
  /** By which Raft knows it. */
  nodeId: string;
  datacenter: string;
  version: string;
  isLeader: boolean;
  appliedIndex: number;
  commitIndex: number;
  lastLogIndex: number;
}

/** Serf's numbers for the states of a member. */
const MEMBER_STATES = ['none', 'alive', 'leaving', 'left', 'failed'] as const;
const memberSchema = z.object({
  Name: z.string(),
  Addr: z.string(),
  Status: z.number().int(),
  Tags: z.record(z.string(), z.string()).default({}),
});

/** One machine that takes part in gossip. */
export interface ConsulMember {
  name: string;
  address: string;
  state: (typeof MEMBER_STATES)[number];
  isServer: boolean;
}

const catalogNodeSchema = z.object({ Node: z.string(), Address: z.string(), ID: z.string().default('') });

/** One Consul server over any transport, asked with one token (or none). */
export class ConsulClient {
  readonly accessControl: AccessControl;
  readonly operator: Operator;
  readonly keyring: Keyring;
  readonly connectAuthority: ConnectAuthority;
  readonly catalog: Catalog;
  readonly #connection: ConsulConnection;

  constructor(options: {
    fetch: ConsulFetch;
    token?: SecretValue | undefined;
    signal?: AbortSignal | undefined;
    tokensAreLocal?: boolean | undefined;
  }) {
    this.#connection = new ConsulConnection(options);
    this.accessControl = new AccessControl(this.#connection, options);
    this.operator = new Operator(this.#connection);
    this.keyring = new Keyring(this.#connection);
    this.connectAuthority = new ConnectAuthority(this.#connection);
    this.catalog = new Catalog(this.#connection);
  }

  /** Address of the leader's Raft port as this server knows it; undefined while it knows none. */
  async leader(): Promise<string | undefined> {
    const leader = await this.#connection.ask(z.string(), '/v1/status/leader');
    return leader === '' ? undefined : leader;
  }

  async self(): Promise<ServerSelf> {
    const { Config, Stats } = await this.#connection.ask(agentSelfSchema, '/v1/agent/self');
    return {
      nodeName: Config.NodeName,
      nodeId: Config.NodeID,
      datacenter: Config.Datacenter,
      version: Config.Version,
      isLeader: Stats.raft.state === 'Leader',
      appliedIndex: Number(Stats.raft.applied_index),
      commitIndex: Number(Stats.raft.commit_index),
      lastLogIndex: Number(Stats.raft.last_log_index),
    };
  }

  /** Who takes part in gossip, and who has lately. */
  async members(): Promise<ConsulMember[]> {
    const members = await this.#connection.ask(z.array(memberSchema), '/v1/agent/members');
    return members.map(({ Name, Addr, Status, Tags }) => ({
      name: Name,
      address: Addr,
      state: MEMBER_STATES[Status] ?? 'none',
      isServer: Tags['role'] === 'consul',
    }));
  }

  /** The datacenters that have a server which is alive in the gossip between datacenters. */
  async aliveDatacenters(): Promise<string[]> {
    const members = await this.#connection.ask(z.array(memberSchema), '/v1/agent/members?wan=1');
    const alive = members.filter(({ Status }) => MEMBER_STATES[Status] === 'alive');
    return [...new Set(alive.flatMap(({ Tags }) => Tags['dc'] ?? []))];
  }

  /** The token that the server's own agent works with, from now on and after restarts. Needs `agent:write`. */
  async setAgentToken(token: SecretValue): Promise<void> {
    await this.#connection.tell('/v1/agent/token/agent', { method: 'PUT', body: { Token: token.reveal() } });
  }

  /** Names of the datacenters that this one knows, its own included. */
  async datacenters(): Promise<string[]> {
    return this.#connection.ask(z.array(z.string()), '/v1/catalog/datacenters');
  }

  async nodes(): Promise<{ name: string; address: string }[]> {
    const nodes = await this.#connection.ask(z.array(catalogNodeSchema), '/v1/catalog/nodes');
    return nodes.map(({ Node, Address }) => ({ name: Node, address: Address }));
  }

  /** Names of all services with their tags. */
  async services(): Promise<Record<string, string[]>> {
    return this.#connection.ask(z.record(z.string(), z.array(z.string())), '/v1/catalog/services');
  }

  /** Value of a key; undefined when there is none. */
  async readKey(key: string): Promise<string | undefined> {
    const { status, text } = await this.#connection.read(`/v1/kv/${keyPath(key)}?raw`, { alsoAnswers: [404] });
    return status === 404 ? undefined : text;
  }

  async writeKey(key: string, value: string): Promise<void> {
    await this.#connection.tell(`/v1/kv/${keyPath(key)}`, { method: 'PUT', body: value });
  }

  async removeKey(key: string): Promise<void> {
    await this.#connection.tell(`/v1/kv/${keyPath(key)}`, { method: 'DELETE' });
  }

  /** Whether this server refuses to read a key with the client's token (or without one). */
  async refusesToReadKey(key: string): Promise<boolean> {
    const { status } = await this.#connection.read(`/v1/kv/${keyPath(key)}?raw`, { alsoAnswers: [403, 404] });
    return status === 403;
  }
}

const keyPath = (key: string): string => key.split('/').map(encodeURIComponent).join('/');
