import { createAgentClient, PresenceDirectory, type AgentClient } from '@managed-consul/agent-protocol';
import { SecretValue } from '@managed-consul/config';
import { Redis } from 'ioredis';
import { redisUrl } from '../../infra/local/components';
import type { WorkflowWorld } from './workflow-world';

const COPY_EVERY_MILLISECONDS = 100;

/** Each sight has a database of the world's Redis to itself; all but the first are free, and there are 16. */
let sights = 0;

/** A worker's sight of agents when something on the way to some of them is broken, while they and their servers are well. */
export interface PartialSight {
  readonly agents: AgentClient;
  stop(): Promise<void>;
}

/**
 * Sees the agents whose key `isSeen` accepts, and no others: the directory of agents is copied without them. A key ends with the
 * vmId of its machine.
 */
export async function seeOnly({ world }: Pick<WorkflowWorld, 'world'>, isSeen: (key: string) => boolean): Promise<PartialSight> {
  sights = (sights % 15) + 1;
  const whole = new Redis(redisUrl(world));
  const seen = new Redis(redisUrl(world), { db: sights });
  const copy = async (): Promise<void> => {
    const keys = await whole.keys('agent:*');
    const values = keys.length > 0 ? await whole.mget(keys) : [];
    for (const [index, key] of keys.entries()) {
      const value = values[index];
      if (value && isSeen(key)) await seen.set(key, value, 'PX', 5000);
    }
  };
  await seen.flushdb();
  await copy();
  const timer = setInterval(() => void copy().catch(() => undefined), COPY_EVERY_MILLISECONDS);
  const token = new SecretValue(world.identities.gatewayInternalToken);
  return {
    agents: createAgentClient({ presence: new PresenceDirectory(seen), token }),
    stop: async () => {
      clearInterval(timer);
      await seen.flushdb();
      whole.disconnect();
      seen.disconnect();
    },
  };
}
