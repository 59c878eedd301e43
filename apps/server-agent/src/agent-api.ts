import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { statfs } from 'node:fs/promises';
import {
  AGENT_PROTOCOL_VERSION,
  agentTaskSchema,
  CONSUL_PROXY_PREFIX,
  desiredStateIsIntact,
  desiredStateSchema,
  DIAGNOSTICS_PATH,
  serverCertificateRequestSchema,
  TASK_PATH,
  type AgentHealth,
  type DiagnosticKind,
} from '@managed-consul/agent-protocol';
import type { z } from 'zod';
import { AGENT_VERSION } from './agent-version';
import { answer, noteBegin, readJson, refuse, RequestError } from './answers';
import { diagnoseConsul } from './consul-diagnostics';
import type { ConsulFolder } from './consul-folder';
import type { ConsulProxy } from './consul-proxy';
import type { ConsulSupervisor } from './consul-supervisor';
import type { IdentityKeeper } from './identity-keeper';
import type { Log } from './log';
import { TaskFailedError } from './task-error';
import { TaskInProgressError, type TaskRunner } from './task-runner';

export interface AgentApiOptions {
  supervisor: Pick<ConsulSupervisor, 'state' | 'request' | 'health' | 'address'>;
  folder: Pick<ConsulFolder, 'path' | 'at' | 'certificateRequest'>;
  proxy: Pick<ConsulProxy, 'forward'>;
  identity: Pick<IdentityKeeper, 'present'>;
  tasks: TaskRunner;
  startedAt: Date;
  log: Log;
}

type Handler = (stream: ServerHttp2Stream) => Promise<void>;

/**
 * What the agent answers on its tunnel: its health and state, a new desired state, certificate requests, tasks, diagnostics of
 * Consul, and Consul itself.
 */
export class AgentApi {
  readonly #options: AgentApiOptions;
  readonly #routes: Record<string, Handler>;

  constructor(options: AgentApiOptions) {
    this.#options = options;
    this.#routes = {
      'GET /v1/health': async (stream) => answer(stream, 200, await this.#health()),
      'GET /v1/state': async (stream) => answer(stream, 200, await options.supervisor.state()),
      'PUT /v1/desired-state': (stream) => this.#applyDesiredState(stream),
      'POST /v1/server-certificate-request': (stream) => this.#requestCertificate(stream),
    };
  }

  serve(session: ServerHttp2Session): void {
    session.on('stream', (stream, headers) => void this.#handle(stream, headers));
  }

  async #handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const path = headers[':path'] ?? '';
    if (path === CONSUL_PROXY_PREFIX || path.startsWith(`${CONSUL_PROXY_PREFIX}/`)) {
      this.#forward(stream, headers);
      return;
    }
    noteBegin(stream);
    stream.on('error', () => undefined);
    const handler =
      this.#routes[`${headers[':method']} ${path}`] ??
      this.#diagnosticsRoute(headers[':method'], path) ??
      this.#taskRoute(headers[':method'], path, headers['traceparent']);
    if (!handler) {
      refuse(stream, 404, 'RouteNotFound', `The agent has no ${headers[':method']} ${path}.`);
      return;
    }
    try {
      await handler(stream);
    } catch (error) {
      if (error instanceof RequestError) refuse(stream, error.status, error.code, error.message);
      else {
        this.#options.log.error({ error, path }, 'A request failed');
        refuse(stream, 500, 'InternalError', 'Something went wrong in the agent; its log says what.');
      }
      stream.close(constants.NGHTTP2_NO_ERROR);
    }
  }

  #forward(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { proxy, supervisor } = this.#options;
    try {
      proxy.forward(stream, headers, supervisor.address());
    } catch (error) {
      this.#options.log.warn({ error }, 'A request to Consul could not be passed on');
      refuse(stream, 400, 'InvalidRequest', 'The request cannot be passed on to Consul.');
    }
  }

  async #applyDesiredState(stream: ServerHttp2Stream): Promise<void> {
    const desired = await readBody(stream, desiredStateSchema);
    if (!desiredStateIsIntact(desired))
      throw new RequestError(422, 'HashMismatch', 'The desired state does not have the hash that it names.');
    await this.#options.supervisor.request(desired);
    answer(stream, 202, await this.#options.supervisor.state());
  }

  async #requestCertificate(stream: ServerHttp2Stream): Promise<void> {
    const { datacenter, nodeName, keyId } = await readBody(stream, serverCertificateRequestSchema);
    answer(stream, 200, {
      certificateRequest: await this.#options.folder.certificateRequest(`${nodeName}.server.${datacenter}.consul`, keyId),
    });
  }

  #diagnosticsRoute(method: string | undefined, path: string): Handler | undefined {
    const kind = DIAGNOSTICS_PATH.exec(path)?.[1];
    return kind === undefined || method !== 'GET' ? undefined : (stream) => this.#diagnose(stream, kind as DiagnosticKind);
  }

  async #diagnose(stream: ServerHttp2Stream, kind: DiagnosticKind): Promise<void> {
    const { supervisor, folder } = this.#options;
    try {
      answer(stream, 200, await diagnoseConsul(kind, { address: supervisor.address(), folder }));
    } catch (error) {
      if (error instanceof TaskFailedError) throw new RequestError(503, error.code, error.message);
      throw error;
    }
  }

  #taskRoute(method: string | undefined, path: string, traceparent: string | string[] | undefined): Handler | undefined {
    const id = TASK_PATH.exec(path)?.[1];
    if (id === undefined) return undefined;
    if (method === 'PUT') return (stream) => this.#startTask(stream, id, traceparent);
    return method === 'GET' ? async (stream) => this.#showTask(stream, id) : undefined;
  }

  async #startTask(stream: ServerHttp2Stream, id: string, traceparent: string | string[] | undefined): Promise<void> {
    const task = await readBody(stream, agentTaskSchema);
    try {
      answer(stream, 202, this.#options.tasks.start(id, task, typeof traceparent === 'string' ? traceparent : undefined));
    } catch (error) {
      if (error instanceof TaskInProgressError) throw new RequestError(409, 'TaskInProgress', error.message);
      throw error;
    }
  }

  #showTask(stream: ServerHttp2Stream, id: string): void {
    const status = this.#options.tasks.find(id);
    if (!status) throw new RequestError(404, 'TaskNotFound', `The agent knows no task ${id}.`);
    answer(stream, 200, status);
  }

  async #health(): Promise<AgentHealth> {
    const { supervisor, folder, identity, startedAt } = this.#options;
    const disk = await statfs(folder.path);
    return {
      agent: {
        version: AGENT_VERSION,
        protocolVersion: AGENT_PROTOCOL_VERSION,
        startedAt: startedAt.toISOString(),
        certificateExpiresAt: (identity.present?.notAfter ?? startedAt).toISOString(),
      },
      disk: { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize },
      ...(await supervisor.health()),
    };
  }
}

async function readBody<Schema extends z.ZodType>(stream: ServerHttp2Stream, schema: Schema): Promise<z.infer<Schema>> {
  const parsed = schema.safeParse(await readJson(stream));
  if (parsed.success) return parsed.data;
  // Paths only: the values may be secrets.
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new RequestError(422, 'InvalidRequest', `The request does not fit its schema: ${problems}`);
}
