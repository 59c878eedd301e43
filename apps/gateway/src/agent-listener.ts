import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { TLSSocket } from 'node:tls';
import { AGENT_TUNNEL_ALPN, enrolRequestSchema, renewRequestSchema, type AgentIdentity } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';
import { admitInTurn } from './admit-in-turn';
import { artifactHash, serveArtifact } from './artifacts';
import { certifiedAgentOf } from './certified-agent';
import type { Enrolments } from './enrolments';
import { answerError, answerJson, readBody } from './http-answers';
import { RequestRefused } from './request-refused';
import type { CertifiedAgent, Tunnels } from './tunnels';

export interface AgentListenerOptions {
  tls: { certificatePem: string; keyPem: string };
  /** PEM of the authority that signs agents' certificates. */
  agentsAuthorityPem: string;
  artifactsFolder: string;
  enrolments: Enrolments;
  tunnels: Tunnels;
  onStateChanged: (agent: AgentIdentity) => Promise<void>;
  log: Logger;
}

/** The one listener that the internet reaches: by ALPN a connection is an agent's tunnel or plain HTTPS. */
export function createAgentListener(options: AgentListenerOptions): Server {
  const server = createServer(
    {
      cert: options.tls.certificatePem,
      key: options.tls.keyPem,
      ca: options.agentsAuthorityPem,
      requestCert: true,
      // Enrolment and downloads come without a certificate; each route looks for itself.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: [AGENT_TUNNEL_ALPN, 'http/1.1'],
      // Long, for machines that are busy while thousands come back at once.
      handshakeTimeout: seconds(30),
      headersTimeout: seconds(10),
      requestTimeout: seconds(30),
      keepAliveTimeout: seconds(5),
    },
    (request, response) => void handle(options, request, response),
  );
  admitInTurn(server);
  routeByProtocol(server, options);
  // A connection that breaks during the handshake is the other side's business.
  server.on('tlsClientError', (err) => options.log.debug({ err }, 'A TLS handshake failed'));
  return server;
}

function routeByProtocol(server: Server, options: AgentListenerOptions): void {
  const serveHttp = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === AGENT_TUNNEL_ALPN) openTunnel(socket, options);
    else for (const serve of serveHttp) serve.call(server, socket);
  });
}

function openTunnel(socket: TLSSocket, { tunnels, log }: AgentListenerOptions): void {
  const agent = certifiedAgentOf(socket);
  if (!agent) {
    tunnels.refuseUncertified(
      socket,
      'The tunnel needs a client certificate that the gateway has issued and that is still valid.',
    );
    return;
  }
  tunnels.accept(socket, agent).catch((err: unknown) => {
    log.warn({ err }, 'A tunnel could not be taken up');
    socket.destroy();
  });
}

async function handle(options: AgentListenerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { pathname } = new URL(request.url ?? '/', 'https://gateway');
    const sha256 = artifactHash(pathname);
    if (sha256 && (request.method === 'GET' || request.method === 'HEAD')) {
      await serveArtifact(options.artifactsFolder, sha256, request, response);
    } else await post(options, request.method === 'POST' ? pathname : '', request, response);
  } catch (error) {
    if (isBrokenOff(error)) response.destroy();
    else answerError(response, error, options.log);
  }
}

async function post(
  options: AgentListenerOptions,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { enrolments } = options;
  switch (path) {
    case '/enrol': {
      answerJson(response, 200, await enrolments.enrol(await readBody(request, enrolRequestSchema)));
      return;
    }
    case '/renew': {
      const agent = requireAgent(request);
      answerJson(response, 200, await enrolments.renew(agent, await readBody(request, renewRequestSchema)));
      return;
    }
    case '/state-changed': {
      const agent = requireAgent(request);
      request.resume();
      if (!(await enrolments.isAllowed(agent)))
        throw new RequestRefused(403, 'AuthorizationFailed', 'The agent may no longer speak.');
      await options.onStateChanged(agent);
      answerJson(response, 200, {});
      return;
    }
    default:
      throw new RequestRefused(404, 'RouteNotFound', 'The gateway has no such address.');
  }
}

function requireAgent(request: IncomingMessage): CertifiedAgent {
  const agent = request.socket instanceof TLSSocket ? certifiedAgentOf(request.socket) : undefined;
  if (!agent)
    throw new RequestRefused(
      401,
      'AuthenticationFailed',
      'Show a client certificate that the gateway has issued and that is still valid.',
    );
  return agent;
}

/** The other side went away while it was being served: nothing to answer, nothing to log. */
function isBrokenOff(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE';
}
