import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, isIP, type AddressInfo, type Socket } from 'node:net';
import type { Logger } from '@managed-consul/observability';
import { hostNameOf } from './public-names';

interface ProxyParts {
  /** Names that lead to the emulator, whatever the port. */
  readonly names: readonly string[];
  /** Where the emulator listens. */
  readonly target: () => { host: string; port: number };
  readonly log: Logger;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));

/**
 * The proxy that clients name in `HTTPS_PROXY`: it leads Azure's public names to the emulator, so that a client needs no other
 * address, no entry in the hosts file and no port below 1024. Addresses of this computer are reached as they are. It opens a
 * tunnel and reads nothing of it; to anywhere else it leads nobody.
 */
export class ClientProxy {
  readonly #parts: ProxyParts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(parts: ProxyParts) {
    this.#parts = parts;
    this.#server = createServer((_request, response) => {
      response.writeHead(405, { 'content-type': 'text/plain', allow: 'CONNECT' }).end('This proxy opens tunnels only.\n');
    });
    this.#server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => this.#open(request, socket, head));
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
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

  #open(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const target = this.#targetOf(request.url ?? '');
    if (!target) {
      this.#parts.log.warn({ target: request.url }, 'a client wanted to leave through the proxy');
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const upstream = connect(target.port, target.host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    this.#keep(upstream);
    // Either end may break off; the other then has nobody to talk to.
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  }

  #targetOf(authority: string): { host: string; port: number } | undefined {
    const host = hostNameOf(authority);
    if (this.#parts.names.includes(host)) return this.#parts.target();
    if (!isLoopback(host)) return undefined;
    const port = Number(/:(\d+)$/.exec(authority)?.[1] ?? 443);
    return { host: host === '[::1]' ? '::1' : host, port };
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
