import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { seconds } from '@managed-consul/config';
import { stopProcess } from '../../../../tools/processes/stop-process';
import { freePort } from '../../../../tools/processes/free-port';
import { until } from '../until';

const ROOT = resolve(import.meta.dirname, '../../../..');

/** A gateway replica as a process of its own, so that it can be killed as a machine would lose it. */
export interface GatewayProcess {
  readonly agentPort: number;
  readonly internalUrl: string;
  readonly process: ChildProcess;
  /** SIGKILL: nothing is drained, nothing is taken back. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
}

/** Starts `apps/gateway` from its source with these settings beside the ones it chooses itself; resolves once it is healthy. */
export async function startGatewayProcess(folder: string, environment: Record<string, string>): Promise<GatewayProcess> {
  const [agentPort, internalPort] = [await freePort(), await freePort()];
  const internalUrl = `http://127.0.0.1:${internalPort}`;
  const id = `gateway-${internalPort}`;
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'apps/gateway/src/main.ts')], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'] ?? '',
      TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json'),
      GATEWAY_ID: id,
      GATEWAY_AGENT_HOST: '127.0.0.1',
      GATEWAY_AGENT_PORT: String(agentPort),
      GATEWAY_INTERNAL_HOST: '127.0.0.1',
      GATEWAY_INTERNAL_PORT: String(internalPort),
      GATEWAY_INTERNAL_URL: internalUrl,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(folder, `${id}.log`));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const isHealthy = async () => {
    if (child.exitCode !== null) throw new Error(`The gateway ended with ${child.exitCode}; see ${folder}/${id}.log`);
    return (await fetch(`${internalUrl}/healthz`)).ok;
  };
  await until(isHealthy, { within: seconds(40), because: `the gateway of ${folder} is healthy` });
  return {
    agentPort,
    internalUrl,
    process: child,
    kill: () => stopProcess(child, 'SIGKILL'),
    stop: () => stopProcess(child),
  };
}
