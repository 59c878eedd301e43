import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { SecretValue } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';
import { answerError, answerJson } from './http-answers';
import { RequestRefused } from './request-refused';
import { passOn } from './tunnel-proxy';
import type { Tunnels } from './tunnels';

export interface InternalListenerOptions {
  token: SecretValue;
  tunnels: Tunnels;
  /** Resolves when the gateway can do its work; rejects otherwise. */
  checkHealth: () => Promise<void>;
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
    if (request.url === '/healthz') {
      await answerHealth(options, response);
      return;
    }
    if (!isAuthorized(request, options.token)) {
      throw new RequestRefused(401, 'AuthenticationFailed', "The gateways' internal token is missing or wrong.");
    }
    const [, clusterId, vmId, path] = AGENT_PATH.exec(request.url ?? '') ?? [];
    if (!clusterId || !vmId || !path) throw new RequestRefused(404, 'RouteNotFound', 'The gateway has no such address.');
    const session = options.tunnels.find(clusterId, vmId);
    if (!session) throw new RequestRefused(404, 'AgentNotConnected', 'This gateway does not hold the agent.');
    passOn(session, path, request, response);
  } catch (error) {
    answerError(response, error, options.log);
  }
}

async function answerHealth({ checkHealth, tunnels, log }: InternalListenerOptions, response: ServerResponse): Promise<void> {
  try {
    await checkHealth();
    answerJson(response, 200, { status: 'ok', agents: tunnels.size });
  } catch (err) {
    log.warn({ err }, 'The gateway cannot do its work');
    answerJson(response, 503, { status: 'unavailable', agents: tunnels.size });
  }
}

function isAuthorized(request: IncomingMessage, token: SecretValue): boolean {
  const shown = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  // Hashes have one length, so the comparison tells nothing about the token.
  return shown !== undefined && timingSafeEqual(digest(shown), digest(token.reveal()));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
