import { Agent, request } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { askConsul, CONSUL_HTTPS_PORT } from './consul-https';

/** Where a writer writes, read anew before every attempt: servers come and go, and authorities are rotated. */
export interface WriterTarget {
  addresses: readonly string[];
  datacenter: string;
  ca: string | Buffer;
  token: string;
}

export interface WriterReport {
  /** Writes that Consul said were stored. */
  acknowledged: number;
  /** Acknowledged writes that a consistent read did not find afterwards: there must be none. */
  lost: number[];
  /** Longest time between two acknowledgements, in milliseconds. */
  longestGap: number;
  failedAttempts: number;
}

/** A customer's program that writes a counter, one key after the other, and never gives up on one. */
export interface SteadyWriter {
  /** Counts gaps from now on. */
  resetGap(): void;
  /** Stops after the write that is on, reads everything back, and reports. */
  stop(): Promise<WriterReport>;
}

const EVERY_MILLISECONDS = 20;
const ATTEMPT_MILLISECONDS = 1000;

function write(agent: Agent, target: WriterTarget, address: string, key: string, value: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      {
        agent,
        host: address,
        port: CONSUL_HTTPS_PORT,
        path: `/v1/kv/${key}`,
        method: 'PUT',
        ca: target.ca,
        servername: `server.${target.datacenter}.consul`,
        headers: { 'X-Consul-Token': target.token },
      },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve(answer.statusCode === 200 && text.trim() === 'true'));
        answer.on('error', () => resolve(false));
      },
    );
    // From the outside, so that a name that hangs counts as well as an answer that does.
    const limit = setTimeout(() => asked.destroy(new Error('too slow')), ATTEMPT_MILLISECONDS);
    asked.on('close', () => {
      clearTimeout(limit);
      resolve(false);
    });
    asked.on('error', () => resolve(false));
    asked.end(value);
  });
}

async function storedKeys(target: WriterTarget, folder: string): Promise<Set<string>> {
  for (let attempt = 0; ; attempt += 1) {
    const address = target.addresses[attempt % target.addresses.length] ?? '';
    const answer = await askConsul({ ...target, address }, 'GET', `/v1/kv/${folder}?keys&consistent`).catch(() => undefined);
    if (answer?.status === 200) return new Set(JSON.parse(answer.body) as string[]);
    if (answer?.status === 404) return new Set();
    if (attempt === 100) throw new Error(`the written keys cannot be read back: ${answer?.status} ${answer?.body}`);
    await wait(100);
  }
}

/**
 * Starts writing a key every 20 ms through one server, moving to the next at any failure until the write is acknowledged. One
 * write at a time, so that the time between two acknowledgements is what a customer would feel.
 */
export function startSteadyWriter(target: () => WriterTarget): SteadyWriter {
  const folder = `steady-writer/${randomUUID()}/`;
  const agent = new Agent({ keepAlive: true });
  const acknowledged: number[] = [];
  let [at, longestGap, failedAttempts, lastAcknowledged, stopped] = [0, 0, 0, 0, false];

  const store = async (count: number): Promise<void> => {
    while (!stopped) {
      const now = target();
      const address = now.addresses[at % now.addresses.length] ?? '';
      if (await write(agent, now, address, `${folder}${count}`, String(count))) {
        const time = performance.now();
        if (lastAcknowledged) longestGap = Math.max(longestGap, time - lastAcknowledged);
        lastAcknowledged = time;
        acknowledged.push(count);
        return;
      }
      failedAttempts += 1;
      at += 1;
      await wait(5);
    }
  };
  const running = (async () => {
    for (let count = 1; !stopped; count += 1) {
      const began = performance.now();
      await store(count);
      await wait(Math.max(0, EVERY_MILLISECONDS - (performance.now() - began)));
    }
  })();

  return {
    resetGap: () => {
      longestGap = 0;
    },
    stop: async () => {
      stopped = true;
      await running;
      agent.destroy();
      const stored = await storedKeys(target(), folder);
      const lost = acknowledged.filter((count) => !stored.has(`${folder}${count}`));
      return { acknowledged: acknowledged.length, lost, longestGap, failedAttempts };
    },
  };
}
