import { createServer, connect, type Socket } from 'node:net';

export interface ConnectionForwarder {
  /** Listens no longer and breaks what connections there are. */
  close(): Promise<void>;
}

/**
 * Spreads TCP connections over `targets` in turn, as the load balancer before several gateways does; a target that refuses is
 * passed over. Listens on 127.0.0.1.
 */
export async function startConnectionForwarder(port: number, targets: readonly number[]): Promise<ConnectionForwarder> {
  const clients = new Set<Socket>();
  let next = 0;
  const forward = (client: Socket, tries: number): void => {
    const target = targets[next++ % targets.length];
    if (target === undefined || tries === 0) {
      client.destroy();
      return;
    }
    const upstream = connect({ port: target, host: '127.0.0.1' });
    upstream.once('connect', () => {
      upstream.removeAllListeners('error');
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
      client.on('close', () => upstream.destroy());
      client.pipe(upstream).pipe(client);
    });
    upstream.once('error', () => forward(client, tries - 1));
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    forward(client, targets.length);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const client of clients) client.destroy();
    });
  return { close };
}
