import { randomBytes, randomUUID } from 'node:crypto';
import {
  sealDesiredState,
  type Agent,
  type DesiredState,
  type DesiredStateFields,
  type ReportedState,
} from '@managed-consul/agent-protocol';
import { hours, seconds } from '@managed-consul/config';
import { createCertificateAuthority, issueConsulServerCertificate, type CertificateAuthority } from '@managed-consul/secrets';
import { consulBinary } from '../consul-binary';
import { until } from '../until';
import type { AgentTestBed, TestCluster } from './agent-test-bed';
import { createTestMachine, type TestMachine } from './test-machine';

const DATACENTER = 'dc1';
const PATIENCE = { within: seconds(40) };

/** One server of a test's cluster: its machine, and the connected agent on it. */
export interface TestServer {
  readonly name: string;
  readonly machine: TestMachine;
  readonly agent: Agent;
}

/** A Consul cluster on test machines, with the desired states that the control plane would write for it. */
export class TestConsulCluster {
  readonly managementToken = randomUUID();
  readonly servers: TestServer[] = [];
  readonly #bed: AgentTestBed;
  readonly #cluster: TestCluster;
  readonly #consulSha256: string;
  readonly #gossipKey = randomBytes(32).toString('base64');
  authority: CertificateAuthority;

  private constructor(bed: AgentTestBed, cluster: TestCluster, authority: CertificateAuthority, consulSha256: string) {
    this.#bed = bed;
    this.#cluster = cluster;
    this.authority = authority;
    this.#consulSha256 = consulSha256;
  }

  /** Machines with connected agents, nothing installed yet. */
  static async create(bed: AgentTestBed, size: number): Promise<TestConsulCluster> {
    const authority = await createCertificateAuthority({ commonName: 'Cluster CA', now: new Date(), lifetimeMs: hours(24) });
    const consulSha256 = await bed.addArtifact((await consulBinary()).path);
    const cluster = new TestConsulCluster(bed, await bed.createCluster(), authority, consulSha256);
    for (let number = 0; number < size; number += 1) await cluster.addMachine();
    return cluster;
  }

  /** The same Consul program that the servers run, for tasks that name one. */
  get consul(): DesiredStateFields['consul'] {
    return { version: '1.8.7', sha256: { 'linux-amd64': this.#consulSha256, 'linux-arm64': this.#consulSha256 } };
  }

  get addresses(): string[] {
    return this.servers.map(({ machine }) => machine.instance.address);
  }

  async addMachine(): Promise<TestServer> {
    const machine = await createTestMachine(this.#bed, this.#cluster);
    machine.startAgent();
    const agent = await until(() => this.#bed.agents.find(this.#cluster.id, machine.instance.vmId), PATIENCE);
    const server = { name: `c1-s${this.servers.length}`, machine, agent };
    this.servers.push(server);
    return server;
  }

  /** Installs Consul on every machine, as one cluster, and waits until it can be written to. */
  async start(): Promise<void> {
    const states = await Promise.all(this.servers.map((server) => this.desiredFor(server)));
    await Promise.all(this.servers.map(({ agent }, index) => apply(agent, states[index] as DesiredState)));
    await until(async () => (await this.ask('/v1/kv/started', { method: 'PUT', body: 'yes' })).ok, PATIENCE);
  }

  async desiredFor(
    server: TestServer,
    more: { keyId?: string; changes?: Partial<DesiredStateFields> } = {},
  ): Promise<DesiredState> {
    const { address } = server.machine.instance;
    const request = { datacenter: DATACENTER, nodeName: server.name, address };
    const { certificateRequest } = await server.agent.requestServerCertificate(
      more.keyId === undefined ? request : { ...request, keyId: more.keyId },
    );
    const certificate = await issueConsulServerCertificate(this.authority, {
      certificateRequestPem: certificateRequest,
      datacenter: DATACENTER,
      nodeName: server.name,
      addresses: [address],
      now: new Date(),
      lifetimeMs: hours(1),
    });
    return sealDesiredState({
      serverName: server.name,
      datacenter: DATACENTER,
      running: true,
      consul: this.consul,
      configuration: this.#configurationOf(server),
      caCertificate: this.authority.certificatePem,
      serverCertificate: certificate.pem,
      ...more.changes,
    });
  }

  /** Asks a server's Consul (the first one's by default) with the management token. */
  ask(
    path: string,
    request: { method?: string; body?: string | Uint8Array; token?: string } = {},
    server = this.servers[0],
  ): Promise<Response> {
    const { method = 'GET', body, token = this.managementToken } = request;
    if (!server) throw new Error('The cluster has no server.');
    return server.agent.consulFetch(path, {
      method,
      headers: { 'x-consul-token': token },
      ...(body === undefined ? {} : { body }),
    });
  }

  async json<Answer>(path: string, server = this.servers[0]): Promise<Answer> {
    const answer = await this.ask(path, {}, server);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.servers.map(({ machine }) => machine.destroy()));
  }

  #configurationOf({ name, machine }: TestServer): DesiredStateFields['configuration'] {
    const { address } = machine.instance;
    return {
      server: true,
      node_name: name,
      datacenter: DATACENTER,
      data_dir: 'data',
      bind_addr: address,
      client_addr: address,
      ports: { http: -1, https: 8501, grpc: -1, dns: -1, serf_wan: -1 },
      bootstrap_expect: this.servers.length,
      retry_join: this.addresses,
      retry_interval: '1s',
      encrypt: this.#gossipKey,
      ca_file: 'tls/ca.pem',
      cert_file: 'tls/server.pem',
      key_file: 'tls/server-key.pem',
      verify_incoming_rpc: true,
      verify_outgoing: true,
      verify_server_hostname: true,
      connect: { enabled: true },
      acl: { enabled: true, default_policy: 'deny', tokens: { master: this.managementToken } },
      performance: { raft_multiplier: 1 },
      autopilot: { server_stabilization_time: '1s' },
      disable_update_check: true,
      log_level: 'INFO',
    };
  }
}

/** A desired state with other fields and the hash that fits them. */
export function changedState({ hash: _hash, ...fields }: DesiredState, changes: Partial<DesiredStateFields>): DesiredState {
  return sealDesiredState({ ...fields, ...changes });
}

/** Hands the state over and waits for its end, good or bad. */
export async function apply(agent: Agent, desired: DesiredState): Promise<ReportedState> {
  await agent.applyDesiredState(desired);
  return until(async () => {
    const state = await agent.state();
    return state.desiredHash === desired.hash && (state.phase === 'applied' || state.phase === 'failed') && state;
  }, PATIENCE);
}
