import { createServer, type Server } from 'node:https';
import { type IncomingMessage, type ServerResponse as NodeResponse } from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';
import { type Logger } from '@managed-consul/observability';
import { ArmError, toArmError } from '../arm/arm-error';
import { isJsonObject, type JsonObject } from '../arm/json';
import { type Principal } from '../arm/principal';
import { type Admission } from '../arm/pipeline/gate';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type Faults, type FaultEffect } from '../faults/faults';
import { type ServerCertificate } from './certificate-authority';
import { correlationHeaders, flattenHeaders, newRequestId, normalisePath, readBody, sendAnswer } from './exchange';
import { type Router } from './router';
import { type Route, type ServerRequest, type ServerResponse } from './route';

export interface ServerParts {
  readonly certificate: ServerCertificate;
  readonly clock: EmulatorClock;
  readonly faults: Faults;
  readonly router: Router;
  readonly log: Logger;
  /** Lets a call to Resource Manager in, or throws. */
  readonly admit: (request: {
    method: string;
    path: string;
    query: URLSearchParams;
    headers: Readonly<Record<string, string>>;
  }) => Promise<Admission>;
  /** Asks for the permission of a route at the scope of its path. */
  readonly authorise: (caller: Principal, permission: string, path: string) => void;
  /** Takes every call to Resource Manager that no route takes. */
  readonly dispatch: (request: ServerRequest) => Promise<ServerResponse>;
}

type Incoming = Omit<ServerRequest, 'caller' | 'parameters'>;

/** The one HTTPS listener of Resource Manager, Entra ID and the emulator's own switches. */
export class EmulatorServer {
  readonly #parts: ServerParts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(parts: ServerParts) {
    this.#parts = parts;
    const { certificatePem, keyPem } = parts.certificate;
    this.#server = createServer({ cert: certificatePem, key: keyPem, keepAliveTimeout: 30_000 }, (incoming, outgoing) => {
      void this.#onRequest(incoming, outgoing);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Port that it listens on. Rejects when the port is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #onRequest(incoming: IncomingMessage, outgoing: NodeResponse): Promise<void> {
    const requestId = newRequestId();
    const headers = flattenHeaders(incoming);
    const answerHeaders = correlationHeaders(headers, requestId, this.#parts.clock.now());
    const method = (incoming.method ?? 'GET').toUpperCase();
    const url = incoming.url ?? '/';
    try {
      const [rawPath, search = ''] = splitOnce(url, '?');
      const path = normalisePath(rawPath);
      const bodyText = await readBody(incoming);
      const request: Incoming = {
        method,
        path,
        query: new URLSearchParams(search),
        headers,
        clientAddress: incoming.socket.remoteAddress ?? '',
        bodyText,
        json: () => parseJson(bodyText, headers),
      };
      const fault = path.startsWith('/_emulator') ? undefined : this.#parts.faults.take(method, path);
      const answer = await this.#answerWithFault(request, fault, answerHeaders);
      if (fault?.kind === 'lostResponse') incoming.socket.destroy();
      else sendAnswer(outgoing, answer, answerHeaders, method === 'HEAD');
      this.#parts.log.debug({ method, path, status: answer.status, requestId }, 'request answered');
    } catch (error) {
      this.#sendError(outgoing, error, answerHeaders, { method, url, requestId });
    }
  }

  async #answerWithFault(
    request: Incoming,
    fault: FaultEffect | undefined,
    answerHeaders: Record<string, string>,
  ): Promise<ServerResponse> {
    if (fault?.kind === 'answer') {
      const retryAfter: Record<string, string> =
        fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
      throw new ArmError(
        fault.status,
        fault.code ?? 'InjectedFault',
        fault.message ?? 'This answer was asked for by a fault switch.',
        { headers: retryAfter },
      );
    }
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    try {
      return await this.#answer(request, answerHeaders);
    } catch (error) {
      // The response is lost whether it would have been good or bad.
      if (fault?.kind === 'lostResponse') return { status: toArmError(error).status };
      throw error;
    }
  }

  async #answer(request: Incoming, answerHeaders: Record<string, string>): Promise<ServerResponse> {
    const match = this.#parts.router.find(request.method, request.path);
    if (match?.route.access.kind === 'anonymous') return match.route.handle(withCaller(request, match.parameters, undefined));
    if (!match && /^\/_emulator(\/|$)/.test(request.path))
      throw new ArmError(404, 'NotFound', `The emulator has no '${request.path}'.`);
    const { caller, headers } = await this.#parts.admit(request);
    Object.assign(answerHeaders, headers);
    if (!match) return this.#parts.dispatch(withCaller(request, {}, caller));
    this.#authorise(match.route, caller, request.path);
    return match.route.handle(withCaller(request, match.parameters, caller));
  }

  #authorise(route: Route, caller: Principal, path: string): void {
    if (route.access.kind === 'arm' && route.access.permission !== undefined)
      this.#parts.authorise(caller, route.access.permission, path);
  }

  #sendError(outgoing: NodeResponse, error: unknown, answerHeaders: Record<string, string>, about: object): void {
    if (!(error instanceof ArmError)) this.#parts.log.error({ err: error, ...about }, 'request failed');
    if (outgoing.destroyed) return;
    const shown = toArmError(error);
    sendAnswer(
      outgoing,
      {
        status: shown.status,
        headers: { ...shown.headers, 'x-ms-failure-cause': 'gateway' },
        body: { error: shown.toErrorObject() },
      },
      answerHeaders,
      false,
    );
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function parseJson(text: string, headers: Readonly<Record<string, string>>): JsonObject {
  if (text.trim() === '') return {};
  const type = headers['content-type'];
  if (type !== undefined && !/^(application|text)\/([a-z.+-]*\+)?json\b/i.test(type)) {
    const message = `The content media type '${type}' is not supported. Only 'application/json' is supported.`;
    throw new ArmError(415, 'UnsupportedMediaType', message);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Both what is no JSON and what is no object get the same answer.
  }
  throw new ArmError(
    400,
    'InvalidRequestContent',
    'The request content was invalid and could not be deserialized: a JSON object is expected.',
  );
}

function withCaller(
  request: Incoming,
  parameters: Readonly<Record<string, string>>,
  caller: Principal | undefined,
): ServerRequest {
  return {
    ...request,
    parameters,
    get caller() {
      if (caller) return caller;
      throw new Error('an anonymous route has no caller');
    },
  };
}
