/**
 * The instance-metadata service of one machine: plain HTTP on the machine's own address, which is how it knows who asks.
 * Refusals are those of Azure's service, so that a client's guard against request forgery is tried too.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '@managed-consul/observability';
import type { MachineRecord, MachineTokenSource } from './machine.types';
import { instanceDocument, toText, walkDocument, type MachineSubnet } from './metadata-document';
import { answerTokenRequest, type MetadataAnswer } from './metadata-token';

const API_VERSIONS = ['2017-08-01', '2018-02-01', '2019-08-01', '2020-09-01', '2021-02-01', '2021-12-13', '2023-07-01'];

/** What the service needs: the machine as it is at the moment of the request, and where tokens come from. */
export interface MetadataSurroundings {
  readonly record: MachineRecord;
  readonly subnet: MachineSubnet;
  readonly tokens: MachineTokenSource;
  readonly log: Logger;
}

const refuse = (message: string, status = 400): MetadataAnswer => ({ status, body: { error: message } });

/** What every path asks of a request before it looks at it. */
function refusalOf(request: IncomingMessage, url: URL): MetadataAnswer | undefined {
  if (request.headers['x-forwarded-for'] !== undefined) return refuse('Bad request. X-Forwarded-For header is not allowed.');
  const isIdentity = url.pathname.toLowerCase().startsWith('/metadata/identity');
  if (request.headers['metadata']?.toString().toLowerCase() !== 'true') {
    const sentence = 'Required metadata header not specified';
    return isIdentity
      ? { status: 400, body: { error: 'invalid_request', error_description: sentence } }
      : refuse(`Bad request. ${sentence}`);
  }
  if (request.method !== 'GET') return refuse('Method not allowed', 405);
  if (url.pathname.toLowerCase() === '/metadata/versions') return undefined;
  if (/^\d{4}-\d{2}-\d{2}$/.test(url.searchParams.get('api-version') ?? '')) return undefined;
  return {
    status: 400,
    body: {
      error: 'Bad request. api-version is invalid or was not specified in the request.',
      'newest-versions': API_VERSIONS.toReversed().slice(0, 3),
    },
  };
}

function answerInstance(machine: MetadataSurroundings, url: URL): MetadataAnswer {
  const segments = url.pathname.split('/').filter(Boolean).slice(2);
  const node = walkDocument(instanceDocument(machine.record, machine.subnet), segments);
  if (node === undefined) return refuse('Not found', 404);
  const format = url.searchParams.get('format')?.toLowerCase() ?? 'json';
  // Azure has no JSON for a single value: a leaf is always text.
  return { status: 200, body: format === 'text' || typeof node === 'string' ? toText(node) : node };
}

async function answer(machine: MetadataSurroundings, request: IncomingMessage): Promise<MetadataAnswer> {
  const url = new URL(request.url ?? '/', 'http://metadata');
  const refusal = refusalOf(request, url);
  if (refusal) return refusal;
  const path = url.pathname.toLowerCase().replace(/\/+$/, '');
  if (path === '/metadata/versions') return { status: 200, body: { apiVersions: API_VERSIONS } };
  if (path === '/metadata/identity/oauth2/token') return answerTokenRequest(machine.record, machine.tokens, url.searchParams);
  if (path === '/metadata/instance' || path.startsWith('/metadata/instance/')) return answerInstance(machine, url);
  return refuse('Not found', 404);
}

async function respond(machine: MetadataSurroundings, request: IncomingMessage): Promise<MetadataAnswer> {
  try {
    return await answer(machine, request);
  } catch (error) {
    machine.log.error({ err: error, vmId: machine.record.vmId }, 'instance metadata failed');
    return refuse('Internal error', 500);
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => resolve((server.address() as AddressInfo).port));
  });
}

/** The metadata service of a machine, from power-on to power-off. */
export class MetadataServer {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Binds the machine's address. Rejects with `EADDRINUSE` when something else listens there. */
  static async open(address: string, port: number, machine: () => MetadataSurroundings): Promise<MetadataServer> {
    const server = createServer((request, response) => {
      void respond(machine(), request).then(({ status, body }) => {
        const isText = typeof body === 'string';
        response.writeHead(status, { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8' });
        response.end(isText ? body : JSON.stringify(body));
      });
    });
    return new MetadataServer(server, await listen(server, port, address));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
