import { randomUUID } from 'node:crypto';
import type { AgentHealth, DesiredState, ReportedProblem, ReportedState } from '@managed-consul/agent-protocol';
import { z } from 'zod';

/** What of a server's configuration the simulation goes by. */
const configurationSchema = z.object({
  node_name: z.string(),
  datacenter: z.string(),
  bind_addr: z.string(),
  acl: z.object({
    tokens: z.object({ master: z.string().optional(), initial_management: z.string().optional() }),
  }),
});
type Configuration = z.infer<typeof configurationSchema>;

/** A question to Consul's HTTP API. */
export interface ConsulQuestion {
  method: string;
  /** Path and query, e.g. `/v1/kv/x?raw`. */
  path: string;
  token: string | undefined;
  body: string;
}

/** Its answer; the body is sent as JSON. */
export interface ConsulAnswer {
  status: number;
  body: unknown;
}

/** How long a change of the desired state takes. */
const APPLY_TAKES = 20;

const OK: ConsulAnswer = { status: 200, body: true };
const FORBIDDEN: ConsulAnswer = { status: 403, body: 'ACL not found' };

/**
 * A Consul server that is a cluster by itself, as far as the service looks at one: it takes a desired state, leads, is healthy, takes
 * writes, and keeps policies and tokens in memory. `refusedVersions` are versions whose program finds its configuration invalid; the
 * program that runs then goes on, as with the real agent.
 */
export class SimulatedConsul {
  readonly #refusedVersions: readonly string[];
  readonly #onChange: () => void;
  readonly #nodeId = randomUUID();
  readonly #startedAt = new Date();
  readonly #policies = new Map<string, Record<string, unknown>>();
  readonly #tokens = new Map<string, Record<string, unknown>>();
  #desired: DesiredState | undefined;
  #running: DesiredState | undefined;
  #phase: ReportedState['phase'] = 'idle';
  #problem: ReportedProblem | undefined;
  #index = 1;

  constructor(options: { refusedVersions: readonly string[]; onChange: () => void }) {
    this.#refusedVersions = options.refusedVersions;
    this.#onChange = options.onChange;
  }

  async request(desired: DesiredState): Promise<void> {
    if (desired.hash === this.#desired?.hash && this.#phase !== 'failed') return;
    this.#desired = desired;
    this.#phase = 'applying';
    setTimeout(() => this.#apply(desired), APPLY_TAKES);
  }

  async state(): Promise<ReportedState> {
    return {
      appliedHash: this.#running?.hash ?? null,
      desiredHash: this.#desired?.hash ?? null,
      phase: this.#phase,
      ...(this.#phase === 'failed' && this.#problem ? { error: this.#problem } : {}),
      consul: { ...this.#process(), nodeId: this.#nodeId },
    };
  }

  async health(): Promise<Pick<AgentHealth, 'consul' | 'lastError'>> {
    return {
      consul: { ...this.#process(), unplannedRestarts: 0 },
      ...(this.#problem ? { lastError: this.#problem } : {}),
    };
  }

  /** No address in the network: questions come through the agent only. */
  address(): undefined {
    return undefined;
  }

  /** How far the log has come; a snapshot is of this. */
  get index(): number {
    return this.#index;
  }

  /** Undefined while no Consul runs. */
  answer(question: ConsulQuestion): ConsulAnswer | undefined {
    if (!this.#running?.running) return undefined;
    const configuration = configurationSchema.parse(this.#running.configuration);
    const path = question.path.split('?')[0] ?? '';
    if (path === '/v1/status/leader') return { status: 200, body: `${configuration.bind_addr}:8300` };
    const { master, initial_management: management } = configuration.acl.tokens;
    if (question.token === undefined || question.token !== (management ?? master)) return FORBIDDEN;
    if (path.startsWith('/v1/kv/')) return this.#answerKey(question.method);
    if (path.startsWith('/v1/acl/')) return this.#answerAccessControl(question.method, path, question.body);
    return this.#answerOperator(path, configuration, this.#running.consul.version);
  }

  #apply(desired: DesiredState): void {
    if (this.#desired !== desired) return;
    const { version } = desired.consul;
    if (this.#refusedVersions.includes(version)) {
      this.#phase = 'failed';
      const message = `Consul ${version} finds its configuration invalid.`;
      this.#problem = { code: 'ConfigurationInvalid', message, at: new Date().toISOString() };
    } else {
      this.#running = desired;
      this.#phase = 'applied';
      this.#index += 1;
    }
    this.#onChange();
  }

  #process(): { running: boolean; version?: string } {
    return this.#running?.running ? { running: true, version: this.#running.consul.version } : { running: false };
  }

  /** Writes are taken and not kept. */
  #answerKey(method: string): ConsulAnswer {
    if (method === 'GET') return { status: 404, body: '' };
    this.#index += 1;
    return OK;
  }

  #answerAccessControl(method: string, path: string, body: string): ConsulAnswer {
    const [, , , kind = '', id] = path.split('/');
    if (path === '/v1/acl/token/self') return { status: 200, body: { AccessorID: this.#nodeId, Policies: [] } };
    if (path === '/v1/acl/policies') return { status: 200, body: [...this.#policies.values()] };
    if (path === '/v1/acl/tokens') return { status: 200, body: [...this.#tokens.values()] };
    const things = kind === 'policy' ? this.#policies : kind === 'token' ? this.#tokens : undefined;
    if (!things) return { status: 404, body: '' };
    if (method !== 'PUT') {
      const found = things.get(id ?? '');
      return found ? { status: 200, body: found } : FORBIDDEN;
    }
    const given = JSON.parse(body) as Record<string, unknown>;
    const key = id ?? (kind === 'token' ? String(given['AccessorID']) : randomUUID());
    const { SecretID: _secret, ...shown } = given;
    const stored = kind === 'policy' ? { ...shown, ID: key } : { ...shown, AccessorID: key };
    things.set(key, stored);
    this.#index += 1;
    return { status: 200, body: stored };
  }

  #answerOperator(path: string, configuration: Configuration, version: string): ConsulAnswer {
    const { node_name: name, bind_addr: address } = configuration;
    const peer = { ID: this.#nodeId, Address: `${address}:8300`, Leader: true, Voter: true };
    const index = String(this.#index);
    switch (path) {
      case '/v1/agent/self': {
        const Config = { NodeName: name, NodeID: this.#nodeId, Datacenter: configuration.datacenter, Version: version };
        const raft = { state: 'Leader', applied_index: index, commit_index: index, last_log_index: index };
        return { status: 200, body: { Config, Stats: { raft } } };
      }
      case '/v1/operator/raft/configuration':
        return { status: 200, body: { Servers: [{ ...peer, Node: name }], Index: this.#index } };
      case '/v1/operator/autopilot/health': {
        const server = { ...peer, Name: name, SerfStatus: 'alive', Version: version, Healthy: true };
        const Servers = [{ ...server, StableSince: this.#startedAt.toISOString(), LastIndex: this.#index, LastTerm: 1 }];
        return { status: 200, body: { Healthy: true, FailureTolerance: 0, Servers } };
      }
      default:
        return { status: 404, body: `The simulated Consul has no ${path}.` };
    }
  }
}
