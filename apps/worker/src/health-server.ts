import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { Metrics } from '@managed-consul/observability';

/** What the worker cannot work without: each check says whether it is there. */
export type HealthChecks = Readonly<Record<string, () => Promise<boolean>>>;

const PATIENCE: Milliseconds = seconds(3);

async function holds(check: () => Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), PATIENCE)));
  try {
    return await Promise.race([check(), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Answers `GET /healthz`: 200 when every check holds, else 503; the body names each. And `GET /metrics`: the figures, as
 * Prometheus reads them. Internal: it asks for no token.
 */
export class HealthServer {
  readonly #server: Server;

  constructor(checks: HealthChecks, metrics: Metrics) {
    this.#server = createServer((request, response) => {
      if (request.method === 'GET' && request.url === '/metrics') {
        metrics.text().then(
          (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
          () => response.writeHead(503).end(),
        );
        return;
      }
      if (request.method !== 'GET' || request.url !== '/healthz') {
        response.writeHead(404).end();
        return;
      }
      const names = Object.keys(checks);
      void Promise.all(Object.values(checks).map(holds)).then((results) => {
        const body = Object.fromEntries(names.map((name, index) => [name, results[index] ? 'ok' : 'unreachable']));
        const status = results.every(Boolean) ? 200 : 503;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
  }

  /** Starts to listen; gives the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
