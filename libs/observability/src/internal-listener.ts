import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics';

/** What a process cannot work without: each check says whether it is there. */
export type HealthChecks = Readonly<Record<string, () => Promise<boolean>>>;

const PATIENCE_MS = 3000;

async function holds(check: () => Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), PATIENCE_MS)));
  try {
    return await Promise.race([check(), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What a process tells those who run it. `GET /healthz`: 200 when every check holds, else 503; the body names each.
 * `GET /readyz`: the same, and 503 from the moment on which it is told to stop. `GET /metrics`: its figures, as Prometheus
 * reads them. Asks for no token: it is bound where customers do not reach.
 */
export class InternalListener {
  readonly #server: Server;
  readonly #checks: HealthChecks;
  readonly #metrics: Metrics;
  #stopping = false;

  constructor(checks: HealthChecks, metrics: Metrics) {
    this.#checks = checks;
    this.#metrics = metrics;
    this.#server = createServer((request, response) => {
      void this.answer(request, response).then((answered) => {
        if (!answered) response.writeHead(404).end();
      });
    });
  }

  /** Answers a request for one of the three; false, and nothing is answered, for any other. For listeners that do more than this. */
  async answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (method !== 'GET') return false;
    if (url === '/metrics') {
      const text = await this.#metrics.text();
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
      return true;
    }
    if (url !== '/healthz' && url !== '/readyz') return false;
    const names = Object.keys(this.#checks);
    const results = await Promise.all(Object.values(this.#checks).map(holds));
    const isReady = results.every(Boolean) && !(url === '/readyz' && this.#stopping);
    const found = Object.fromEntries(names.map((name, index) => [name, results[index] ? 'ok' : 'unreachable']));
    const body = url === '/readyz' && this.#stopping ? { ...found, process: 'stopping' } : found;
    response.writeHead(isReady ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return true;
  }

  /** From now on not ready: whoever spreads work or requests is to pass this process by. */
  leave(): void {
    this.#stopping = true;
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
