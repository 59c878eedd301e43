import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { DIAGNOSTICS_PATH } from '@managed-consul/agent-protocol';
import type { SecretValue } from '@managed-consul/config';
import type { InternalListener, Logger } from '@managed-consul/observability';
import { beginSpan, insideSpan, type Span } from '@managed-consul/tracing';
import { answerError } from './http-answers';
import { RequestRefused } from './request-refused';
import { passOn } from './tunnel-proxy';
import type { Tunnels } from './tunnels';

export interface InternalListenerOptions {
  token: SecretValue;
  /** Shown by whoever may only look: it opens `GET` of the diagnostics. */
  diagnosticsToken: SecretValue | undefined;
  tunnels: Tunnels;
  /** What the gateway tells of itself, at the same place. */
  about: InternalListener;
  /** Given when workers are to reach this listener over TLS. */
  tls: { certificatePem: string; keyPem: string } | undefined;
  log: Logger;
}

/** `/agents/<clusterId>/<vmId>/<what the agent is asked>`; the rest is passed on as it came. */
const AGENT_PATH = /^\/agents\/([0-9a-f-]{36})\/([A-Za-z0-9-]{1,64})(\/v1\/.*)$/;

/** Where workers reach the agents that this replica holds, and where its health is asked for. */
export function createInternalListener(options: InternalListenerOptions): Server {
  const handler = (request: IncomingMessage, response: ServerResponse) => void handle(options, request, response);
  // A restored snapshot may stream for long; whoever asks sets the limit.
  const limits = { requestTimeout: 0 };
  if (!options.tls) return createHttpServer(limits, handler);
  return createHttpsServer({ ...limits, cert: options.tls.certificatePem, key: options.tls.keyPem }, handler);
}

async function handle(options: InternalListenerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (await options.about.answer(request, response)) return;
    const [, clusterId, vmId, path] = AGENT_PATH.exec(request.url ?? '') ?? [];
    if (!isAuthorized(request, options.token)) {
      if (!isAuthorized(request, options.diagnosticsToken))
        throw new RequestRefused(401, 'AuthenticationFailed', "The gateways' internal token is missing or wrong.");
      if (request.method !== 'GET' || !DIAGNOSTICS_PATH.test(path ?? ''))
        throw new RequestRefused(403, 'AuthorizationFailed', 'This token is for diagnostics only.');
    }
    if (!clusterId || !vmId || !path) throw new RequestRefused(404, 'RouteNotFound', 'The gateway has no such address.');
    const session = options.tunnels.find(clusterId, vmId);
    if (!session) throw new RequestRefused(404, 'AgentNotConnected', 'This gateway does not hold the agent.');
    const { traceparent: parent } = request.headers;
    const attributes = { clusterId, vmId };
    const span = beginSpan(`gateway ${request.method ?? ''}`, {
      kind: 'server',
      parent: typeof parent === 'string' ? parent : undefined,
      attributes,
    });
    response.once('close', () => {
      span.setAttribute('http.response.status_code', response.statusCode);
      span.end();
    });
    const stream = insideSpan(span, () => passOn(session, path, request, response));
    stream.once('response', (headers) => tellAgent(span, headers['server-timing']));
  } catch (error) {
    answerError(response, error, options.log);
  }
}

/** The agent's own time, as its answer names it: a machine reaches no collector. */
function tellAgent(gateway: Span, timing: string | string[] | undefined): void {
  const took = Number(/^agent;dur=([\d.]+)$/.exec(String(timing))?.[1]);
  if (Number.isNaN(took)) return;
  const startTime = new Date(Date.now() - took);
  insideSpan(gateway, () => beginSpan('server-agent', { kind: 'server', startTime }).end());
}

function isAuthorized(request: IncomingMessage, token: SecretValue | undefined): boolean {
  const shown = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  // Hashes have one length, so the comparison tells nothing about the token.
  return shown !== undefined && token !== undefined && timingSafeEqual(digest(shown), digest(token.reveal()));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
