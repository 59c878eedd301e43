import { z } from 'zod';
import type { ConsulConnection } from './connection';

const memberSchema = z.object({
  Name: z.string(),
  Addr: z.string(),
  Status: z.number(),
  Tags: z.record(z.string(), z.string()).nullish(),
});

/** Serf's numbers for the states of a member. */
const LEFT = 3;

/** One agent in the gossip ring, server or client. */
export interface GossipMember {
  name: string;
  address: string;
  /** Node id; empty for agents that do not tell it. */
  id: string;
  /** True for an agent that has said goodbye; it is in the ring no more. */
  hasLeft: boolean;
}

const catalogNodeSchema = z.object({ Node: z.string(), Address: z.string(), ID: z.string().default('') });

/** A node as the catalog has it. */
export interface CatalogNode {
  name: string;
  address: string;
  id: string;
}

const healthCheckSchema = z.object({ Node: z.string(), CheckID: z.string() });

/** The check by which Consul follows a node that runs an agent. Nodes registered from outside have none. */
const AGENT_CHECK = 'serfHealth';

/** Service by which servers are found, and its port. */
const SERVER_SERVICE = 'consul';
const SERVER_PORT = 8300;

/** By datacenter; without being asked for all, a server tells of its own. */
const usageSchema = z.object({ Usage: z.record(z.string(), z.object({ BillableServiceInstances: z.int() })) });

/** `Kind` is of proxies and gateways only; services that come from a peer have its name. */
const serviceSummarySchema = z.object({
  ...{ Name: z.string(), Kind: z.string().default(''), PeerName: z.string().default('') },
  InstanceCount: z.int(),
});

/** The catalog: nodes and services, and the gossip ring that it should agree with. */
export class Catalog {
  readonly #connection: ConsulConnection;

  constructor(connection: ConsulConnection) {
    this.#connection = connection;
  }

  /** The agents that the asked server sees in its datacenter. */
  async members(): Promise<GossipMember[]> {
    const members = await this.#connection.ask(z.array(memberSchema), '/v1/agent/members');
    return members.map(({ Name, Addr, Status, Tags }) => ({
      name: Name,
      address: Addr,
      id: Tags?.['id'] ?? '',
      hasLeft: Status === LEFT,
    }));
  }

  /**
   * How many instances of services the datacenter has, by the rule that Consul itself bills by: without Consul, proxies and
   * gateways, whether their checks pass or not. One call, whose answer is as long as there are names of services. From 1.15 on
   * Consul counts for itself, and the answer is a few figures.
   */
  async countServiceInstances(): Promise<number> {
    const counted = await this.#connection.find(usageSchema, '/v1/operator/usage');
    if (counted) return Object.values(counted.Usage).reduce((sum, one) => sum + one.BillableServiceInstances, 0);
    const summaries = await this.#connection.ask(z.array(serviceSummarySchema), '/v1/internal/ui/services');
    return summaries
      .filter(({ Name, Kind, PeerName }) => Name !== SERVER_SERVICE && Kind === '' && PeerName === '')
      .reduce((sum, { InstanceCount }) => sum + InstanceCount, 0);
  }

  /** Nodes that are in the catalog because an agent ran on them. */
  async agentNodes(): Promise<CatalogNode[]> {
    const filter = encodeURIComponent(`CheckID == "${AGENT_CHECK}"`);
    const [nodes, checks] = await Promise.all([
      this.#connection.ask(z.array(catalogNodeSchema), '/v1/catalog/nodes'),
      this.#connection.ask(z.array(healthCheckSchema), `/v1/health/state/any?filter=${filter}`),
    ]);
    const withAgent = new Set(checks.map(({ Node }) => Node));
    return nodes
      .filter(({ Node }) => withAgent.has(Node))
      .map(({ Node, Address, ID }) => ({ name: Node, address: Address, id: ID }));
  }

  /**
   * Puts a server into the catalog as the leader itself would, with the service `consul` and the check of its agent. The leader
   * does so only once a minute; it corrects what differs.
   */
  async registerServer({ name, id, address }: CatalogNode): Promise<void> {
    const body = {
      ...{ Node: name, ID: id, Address: address },
      Service: { ID: SERVER_SERVICE, Service: SERVER_SERVICE, Port: SERVER_PORT },
      Check: { CheckID: AGENT_CHECK, Name: 'Serf Health Status', Status: 'passing', Output: 'Agent alive and reachable' },
    };
    await this.#connection.tell('/v1/catalog/register', { method: 'PUT', body });
  }

  /** Takes a node with its services and checks out of the catalog; gone already is as good. */
  async deregister(nodeName: string): Promise<void> {
    await this.#connection.tell('/v1/catalog/deregister', { method: 'PUT', body: { Node: nodeName } });
  }
}
