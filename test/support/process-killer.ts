import { ApiError } from '@managed-consul/api-contract';
import { until } from '@managed-consul/testing';
import { Redis } from 'ioredis';
import { processesWith } from './machine-processes';
import { serviceStatus } from './service-status';

/** Processes of the service that a test kills; the service's own supervision brings them back. */
export const VICTIMS = ['worker', 'gateway', 'api', 'redis', 'postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

/** Tries again what a dead process made impossible; a refusal by the service itself is not tried again. */
export async function patiently<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const answer = await until(
    async () => {
      try {
        return { result: await attempt() };
      } catch (error) {
        if (error instanceof ApiError && error.status < 500) return { refusal: error };
        throw error;
      }
    },
    { within: 60_000, because: 'the service answers again' },
  );
  if ('refusal' in answer) throw answer.refusal;
  return answer.result;
}

/** Ends one process of the running service by SIGKILL, right now; of Redis, all that it holds goes first. */
export async function killProcess(victim: Victim): Promise<void> {
  const {
    components,
    redis: { url },
  } = await serviceStatus();
  if (victim === 'redis') {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => undefined);
    // It may be dead already, by another kill.
    await redis
      .connect()
      .then(() => redis.flushall())
      .catch(() => undefined);
    redis.disconnect();
  }
  const named = components.filter(({ name }) => name === victim || name.startsWith(`${victim}-`));
  if (named.length === 0) throw new Error(`the service has no ${victim}`);
  // Without a pid it is dead already, by another kill, and on its way back.
  const pid = named.find((component) => component.pid !== null)?.pid;
  if (pid) killIfAlive(pid);
}

interface EmulatedMachine {
  address: string;
  pids: number[];
}

/** Pids of what runs on a machine of the emulated Azure and names `word` in its command line. */
export async function machineProcesses(azureEndpoint: string, address: string, word: string): Promise<number[]> {
  const { value: machines } = (await (await fetch(`${azureEndpoint}/_emulator/machines`)).json()) as { value: EmulatedMachine[] };
  const named = new Set(processesWith(word));
  return (machines.find((machine) => machine.address === address)?.pids ?? []).filter((pid) => named.has(pid));
}

/** Ends the agent on a machine by SIGKILL; the machine's own service supervision starts it again. */
export async function killAgent(azureEndpoint: string, address: string): Promise<void> {
  for (const pid of await machineProcesses(azureEndpoint, address, 'start-agent.mjs')) killIfAlive(pid);
}

/** Ends the Consul server on a machine by SIGKILL; its agent starts it again. */
export async function killConsul(azureEndpoint: string, address: string): Promise<void> {
  for (const pid of await machineProcesses(azureEndpoint, address, 'config/server.json')) killIfAlive(pid);
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Another kill was faster.
  }
}
