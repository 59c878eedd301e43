import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A plain TCP load balancer: one address for several gateways. */
export interface TestBalancer {
  readonly port: number;
  /** Ports that new connections go to, in turn. */
  setTargets(ports: readonly number[]): void;
  close(): Promise<void>;
}

export async function startTestBalancer(): Promise<TestBalancer> {
  let targets: readonly number[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((inbound) => {
    const port = targets[turn++ % Math.max(1, targets.length)];
    if (port === undefined) return void inbound.destroy();
    const outbound = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    setTargets: (ports) => (targets = ports),
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
