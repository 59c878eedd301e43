import { seconds, type Milliseconds, type SecretValue } from '@managed-consul/config';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { traced, traceHeaders } from '@managed-consul/tracing';
import type { z } from 'zod';
import { DIAGNOSTICS, type Diagnostic, type DiagnosticKind } from './diagnostics.schema';
import {
  agentErrorSchema,
  agentHealthSchema,
  CONSUL_PROXY_PREFIX,
  REFUSAL_HEADER,
  reportedStateSchema,
  serverCertificateRequestResponseSchema,
  type AgentHealth,
  type DesiredState,
  type ReportedState,
  type ServerCertificateRequest,
  type ServerCertificateRequestResponse,
} from './messages.schema';
import type { PresenceDirectory } from './presence';
import {
  TASK_PATH,
  agentTaskStatusSchema,
  type AgentTask,
  type AgentTaskOf,
  type AgentTaskKind,
  type AgentTaskStatus,
  type AgentTaskStatusOf,
} from './task.schema';

/** A request to Consul through an agent: what `fetch` takes, with a path (`/v1/kv/x?raw`) instead of a URL. */
export interface ConsulRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array | ReadableStream<Uint8Array>;
  signal?: AbortSignal;
  /** Until the answer's headers are there (default 30 s); give more to a blocking query or a restore. */
  timeout?: Milliseconds;
}

/** One connected agent. Every method throws `TransientError` when it cannot be reached and `TerminalError` when it refuses for good. */
export interface Agent {
  readonly clusterId: string;
  readonly vmId: string;
  health(signal?: AbortSignal): Promise<AgentHealth>;
  state(signal?: AbortSignal): Promise<ReportedState>;
  /** Hands the agent its newest desired state; it answers at once and applies in the background: look at `state()`. */
  applyDesiredState(desired: DesiredState, signal?: AbortSignal): Promise<ReportedState>;
  /** A certificate request for a key that the machine makes once and never gives out; asking again gives the same key. */
  requestServerCertificate(request: ServerCertificateRequest, signal?: AbortSignal): Promise<ServerCertificateRequestResponse>;
  /**
   * Starts a task, or finds the one of this id that was started before. The agent does one at a time: while another is on
   * this throws `TransientError`. It answers at once: look at `findTask`; the cluster's operations are nudged when a task ends.
   */
  startTask<Kind extends AgentTaskKind>(
    taskId: string,
    task: AgentTaskOf<Kind>,
    signal?: AbortSignal,
  ): Promise<AgentTaskStatusOf<Kind>>;
  /** How a task stands; undefined when the agent knows none of that id, as after its restart: start it again then. */
  findTask(taskId: string, signal?: AbortSignal): Promise<AgentTaskStatus | undefined>;
  /** What the machine's own Consul says, without a token: the machine asks with its own and keeps all but the named fields. */
  diagnose(kind: DiagnosticKind, signal?: AbortSignal): Promise<Diagnostic>;
  /** Consul's own answer, whatever its status; the body streams. */
  consulFetch(path: string, request?: ConsulRequest): Promise<Response>;
}

/** Finds connected agents. */
export interface AgentClient {
  /** Throws `TransientError` when the agent is not connected. */
  find(clusterId: string, vmId: string): Promise<Agent>;
  isConnected(clusterId: string, vmId: string): Promise<boolean>;
}

const ANSWER_TIMEOUT = seconds(10);
const CONSUL_ANSWER_TIMEOUT = seconds(30);

/** Reaches agents through whichever gateway holds them. `token` is the gateways' GATEWAY_INTERNAL_TOKEN, or, for diagnostics only, their GATEWAY_DIAGNOSTICS_TOKEN. */
export function createAgentClient(options: {
  presence: Pick<PresenceDirectory, 'find'>;
  token: SecretValue;
  answerTimeout?: Milliseconds;
}): AgentClient {
  const { presence } = options;
  const find = async (clusterId: string, vmId: string): Promise<Agent> => {
    await locate(presence, clusterId, vmId);
    return new TunnelledAgent(clusterId, vmId, presence, options.token, options.answerTimeout ?? ANSWER_TIMEOUT);
  };
  return {
    find,
    isConnected: async (clusterId, vmId) => (await presence.find(clusterId, vmId)) !== undefined,
  };
}

async function locate(presence: Pick<PresenceDirectory, 'find'>, clusterId: string, vmId: string): Promise<string> {
  const found = await presence.find(clusterId, vmId);
  if (!found) throw new TransientError(`The agent of machine ${vmId} is not connected.`);
  return found.internalUrl;
}

interface Call {
  method: string;
  path: string;
  headers?: Record<string, string> | undefined;
  body?: ConsulRequest['body'] | undefined;
  signal?: AbortSignal | undefined;
  timeout: Milliseconds;
}

class TunnelledAgent implements Agent {
  readonly clusterId: string;
  readonly vmId: string;
  readonly #presence: Pick<PresenceDirectory, 'find'>;
  readonly #token: SecretValue;
  readonly #answerTimeout: Milliseconds;

  constructor(
    clusterId: string,
    vmId: string,
    presence: Pick<PresenceDirectory, 'find'>,
    token: SecretValue,
    answerTimeout: Milliseconds,
  ) {
    this.clusterId = clusterId;
    this.vmId = vmId;
    this.#presence = presence;
    this.#token = token;
    this.#answerTimeout = answerTimeout;
  }

  health(signal?: AbortSignal): Promise<AgentHealth> {
    return this.#json(agentHealthSchema, 'GET', '/v1/health', undefined, signal);
  }

  state(signal?: AbortSignal): Promise<ReportedState> {
    return this.#json(reportedStateSchema, 'GET', '/v1/state', undefined, signal);
  }

  applyDesiredState(desired: DesiredState, signal?: AbortSignal): Promise<ReportedState> {
    return this.#json(reportedStateSchema, 'PUT', '/v1/desired-state', desired, signal);
  }

  requestServerCertificate(request: ServerCertificateRequest, signal?: AbortSignal): Promise<ServerCertificateRequestResponse> {
    return this.#json(serverCertificateRequestResponseSchema, 'POST', '/v1/server-certificate-request', request, signal);
  }

  async startTask<Kind extends AgentTaskKind>(
    taskId: string,
    task: AgentTaskOf<Kind>,
    signal?: AbortSignal,
  ): Promise<AgentTaskStatusOf<Kind>> {
    const started = await this.#json(agentTaskStatusSchema, 'PUT', `/v1/tasks/${taskId}`, task, signal);
    if (!isOfKind<Kind>(started, task.kind))
      throw new TerminalError('TaskDiffers', `Task ${taskId} of machine ${this.vmId} is another kind of task.`);
    return started;
  }

  async findTask(taskId: string, signal?: AbortSignal): Promise<AgentTaskStatus | undefined> {
    try {
      return await this.#json(agentTaskStatusSchema, 'GET', `/v1/tasks/${taskId}`, undefined, signal);
    } catch (error) {
      if (error instanceof AgentRefusal && error.code === 'TaskNotFound') return undefined;
      throw error;
    }
  }

  diagnose(kind: DiagnosticKind, signal?: AbortSignal): Promise<Diagnostic> {
    return this.#json(DIAGNOSTICS[kind] as z.ZodType<Diagnostic>, 'GET', `/v1/diagnostics/${kind}`, undefined, signal);
  }

  async consulFetch(path: string, request: ConsulRequest = {}): Promise<Response> {
    const { method = 'GET', headers, body, signal, timeout = CONSUL_ANSWER_TIMEOUT } = request;
    return this.#call({ method, path: `${CONSUL_PROXY_PREFIX}${path}`, headers, body, signal, timeout });
  }

  async #json<Schema extends z.ZodType>(
    schema: Schema,
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<z.infer<Schema>> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    // The body of these is small and belongs to the answer: one limit for both.
    const limit = AbortSignal.timeout(this.#answerTimeout);
    const either = signal ? AbortSignal.any([signal, limit]) : limit;
    const answer = await this.#call({ method, path, signal: either, timeout: this.#answerTimeout, ...sent });
    const text = await answer.text().catch((cause: unknown) => {
      throw new TransientError(`The agent of machine ${this.vmId} broke off its answer.`, { cause });
    });
    const parsed = schema.safeParse(parseJson(text));
    if (answer.ok && parsed.success) return parsed.data;
    throw new TransientError(`The agent of machine ${this.vmId} answered ${answer.status} in a form that is not understood.`, {
      cause: parsed.error,
    });
  }

  #call(call: Call): Promise<Response> {
    const { clusterId, vmId } = this;
    // Of Consul's addresses only that they are Consul's: the rest may hold names of the customer's.
    const route = call.path.startsWith(CONSUL_PROXY_PREFIX)
      ? CONSUL_PROXY_PREFIX
      : call.path.replace(TASK_PATH, '/v1/tasks/{id}');
    return traced(`agent ${call.method} ${route}`, { kind: 'client', attributes: { clusterId, vmId } }, async (span) => {
      const answer = await this.#send(call);
      span.setAttribute('http.response.status_code', answer.status);
      return answer;
    });
  }

  async #send(call: Call): Promise<Response> {
    const internalUrl = await locate(this.#presence, this.clusterId, this.vmId);
    const answered = new AbortController();
    const timer = setTimeout(() => answered.abort(new Error(`no answer within ${call.timeout} ms`)), call.timeout);
    try {
      const url = new URL(`/agents/${this.clusterId}/${this.vmId}${call.path}`, internalUrl);
      const answer = await fetch(url, {
        method: call.method,
        headers: { ...call.headers, ...traceHeaders(), authorization: `Bearer ${this.#token.reveal()}` },
        body: call.body as BodyInit | undefined,
        redirect: 'manual',
        signal: call.signal ? AbortSignal.any([call.signal, answered.signal]) : answered.signal,
        ...(call.body instanceof ReadableStream ? { duplex: 'half' } : {}),
      });
      if (answer.headers.has(REFUSAL_HEADER)) await throwRefusal(answer, this.vmId);
      return answer;
    } catch (cause) {
      if (cause instanceof TransientError || cause instanceof TerminalError) throw cause;
      throw new TransientError(`The agent of machine ${this.vmId} could not be reached.`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Refusals that the same request will meet again: the agent has understood it and says no. */
const TERMINAL_STATUSES = new Set([400, 413, 422]);

async function throwRefusal(answer: Response, vmId: string): Promise<never> {
  const parsed = agentErrorSchema.safeParse(parseJson(await answer.text().catch(() => '')));
  const { code, message } = parsed.data?.error ?? { code: 'Unknown', message: `status ${answer.status}` };
  if (TERMINAL_STATUSES.has(answer.status)) throw new TerminalError(code, message);
  throw new AgentRefusal(vmId, code, message);
}

/** A refusal that may pass; the code says which. */
export class AgentRefusal extends TransientError {
  readonly code: string;

  constructor(vmId: string, code: string, message: string) {
    super(`Machine ${vmId}: ${code}: ${message}`);
    this.code = code;
  }
}

const isOfKind = <Kind extends AgentTaskKind>(
  status: AgentTaskStatus,
  kind: AgentTask['kind'],
): status is AgentTaskStatusOf<Kind> => status.kind === kind;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
