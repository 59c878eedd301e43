import type { Redis } from 'ioredis';
import { TransientError } from '@managed-consul/errors';
import { seconds } from '@managed-consul/config';
import { z } from 'zod';

/** How long an agent counts as connected after its gateway last said so. */
export const PRESENCE_TTL = seconds(30);
/** How often a gateway says so again; also the time after which a directory that was wiped is whole again. */
export const PRESENCE_REFRESH = seconds(5);

export const agentPresenceSchema = z.object({
  clusterId: z.string(),
  vmId: z.string(),
  gatewayId: z.string(),
  /** Where the gateway's internal listener is. */
  internalUrl: z.url(),
  /** Names this one connection, so that an older one cannot pass for it. */
  connectionId: z.string(),
  connectedAt: z.iso.datetime(),
});
export type AgentPresence = z.infer<typeof agentPresenceSchema>;

const keyOf = (agent: { clusterId: string; vmId: string }): string => `agent:${agent.clusterId}:${agent.vmId}`;

/** Keeps the entry alive unless a newer connection has taken it; an entry that is missing is written again. */
const REFRESH_SCRIPT = `
local lost = {}
for i, key in ipairs(KEYS) do
  local current = redis.call('GET', key)
  if current and current ~= ARGV[i + 1] then lost[#lost + 1] = i - 1
  else redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1]) end
end
return lost`;

const FORGET_SCRIPT = `
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[i] then redis.call('DEL', key) end
end`;

/** How many agents one script call carries; keeps each call below a millisecond or so of Redis' time. */
const AGENTS_PER_CALL = 500;

/**
 * Which gateway holds which agent, in Redis. Gateways write and keep refreshing, so losing every key heals itself
 * within `PRESENCE_REFRESH`; workers only read. Methods throw `TransientError` when Redis does not answer.
 */
export class PresenceDirectory {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Says that this connection is now the agent's, whoever held it before. */
  async claim(presence: AgentPresence): Promise<void> {
    await this.#ask(() => this.#redis.set(keyOf(presence), JSON.stringify(presence), 'PX', PRESENCE_TTL));
  }

  /** Keeps the given connections alive and returns those that a newer connection elsewhere has replaced. */
  async refresh(presences: readonly AgentPresence[]): Promise<AgentPresence[]> {
    const replaced: AgentPresence[] = [];
    for (const some of inGroups(presences, AGENTS_PER_CALL)) {
      const values = some.map((presence) => JSON.stringify(presence));
      const lost = await this.#ask(() =>
        this.#redis.eval(REFRESH_SCRIPT, some.length, ...some.map(keyOf), PRESENCE_TTL, ...values),
      );
      for (const index of z.array(z.number()).parse(lost)) {
        const presence = some[index];
        if (presence) replaced.push(presence);
      }
    }
    return replaced;
  }

  /** Removes the given connections, unless a newer one has taken the place. */
  async forget(presences: readonly AgentPresence[]): Promise<void> {
    for (const some of inGroups(presences, AGENTS_PER_CALL)) {
      const values = some.map((presence) => JSON.stringify(presence));
      await this.#ask(() => this.#redis.eval(FORGET_SCRIPT, some.length, ...some.map(keyOf), ...values));
    }
  }

  /** Where an agent is connected; undefined when it is not. */
  async find(clusterId: string, vmId: string): Promise<AgentPresence | undefined> {
    const value = await this.#ask(() => this.#redis.get(keyOf({ clusterId, vmId })));
    return value === null ? undefined : agentPresenceSchema.parse(JSON.parse(value));
  }

  async #ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    try {
      return await question();
    } catch (cause) {
      throw new TransientError('The presence directory (Redis) did not answer.', { cause });
    }
  }
}

function inGroups<Item>(items: readonly Item[], size: number): Item[][] {
  const groups: Item[][] = [];
  for (let start = 0; start < items.length; start += size) groups.push(items.slice(start, start + size));
  return groups;
}
