import { spawn, type ChildProcess } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientBundleBody } from '@managed-consul/api-contract';

const HTTP_PORT = 8500;
const DNS_PORT = 8600;

/** A real Consul client agent on an address of its own, configured by a client bundle and a token, and by nothing else. */
export interface ConsulClientAgent {
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }>;
  resolver: Resolver;
  output(): string;
  stop(): Promise<void>;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
}

/** Starts the agent; what a customer adds to the bundle is a name, an address, a data folder and the token. */
export async function startConsulClientAgent(options: {
  consulBinary: string;
  address: string;
  bundle: ClientBundleBody;
  token: string;
  /** Consul's name for the machine, when there is more than one. */
  nodeName?: string;
}): Promise<ConsulClientAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'consul-client-'));
  const { caPem, clientConfiguration } = options.bundle;
  await writeFile(join(folder, clientConfiguration.ca_file), caPem);
  await writeFile(join(folder, 'bundle.json'), JSON.stringify(clientConfiguration), { mode: 0o600 });
  const own = {
    node_name: options.nodeName ?? 'customer-machine',
    data_dir: join(folder, 'data'),
    bind_addr: options.address,
    client_addr: options.address,
    disable_update_check: true,
    acl: { tokens: { agent: options.token, default: options.token } },
  };
  await writeFile(join(folder, 'own.json'), JSON.stringify(own), { mode: 0o600 });

  const files = ['-config-file', 'bundle.json', '-config-file', 'own.json'];
  const child = spawn(options.consulBinary, ['agent', ...files], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));

  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([`${options.address}:${DNS_PORT}`]);
  return {
    resolver,
    output: () => output,
    ask: async (method, path, body) => {
      const answer = await fetch(`http://${options.address}:${HTTP_PORT}${path}`, {
        method,
        headers: { 'X-Consul-Token': options.token },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(5000),
      });
      return { status: answer.status, body: await answer.text() };
    },
    stop: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
