import { request } from 'node:https';

/** Whom to ask, and as whom. Without a token the call is anonymous. */
export interface ConsulTarget {
  address: string;
  datacenter: string;
  ca: string | Buffer;
  token?: string;
}

export interface ConsulAnswer {
  status: number;
  body: string;
}

/** Port on which every server of a cluster speaks HTTPS. */
export const CONSUL_HTTPS_PORT = 8501;

/**
 * One call of a Consul server's HTTP API over verified TLS: the certificate must name `server.<datacenter>.consul` and come
 * from the given CA. Gives up after 10 s; rejects when no connection or no trust can be had.
 */
export function askConsul(target: ConsulTarget, method: string, path: string, body?: string): Promise<ConsulAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: target.address,
        port: CONSUL_HTTPS_PORT,
        path,
        method,
        ca: target.ca,
        servername: `server.${target.datacenter}.consul`,
        headers: target.token ? { 'X-Consul-Token': target.token } : {},
        timeout: 10_000,
        agent: false,
      },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      },
    );
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path} on ${target.address} took longer than 10 s`)));
    asked.end(body);
  });
}
