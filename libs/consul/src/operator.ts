import { TransientError } from '@managed-consul/errors';
import { z } from 'zod';
import type { ConsulConnection } from './connection';

const raftServerSchema = z.object({
  ID: z.string(),
  Node: z.string(),
  Address: z.string(),
  Leader: z.boolean(),
  Voter: z.boolean(),
});
/** One peer of Raft, as the server that was asked knows it. */
export type RaftServer = z.infer<typeof raftServerSchema>;

const autopilotServerSchema = z.object({
  ID: z.string(),
  Name: z.string(),
  Address: z.string(),
  SerfStatus: z.string(),
  Version: z.string().default(''),
  Leader: z.boolean(),
  Healthy: z.boolean(),
  Voter: z.boolean(),
  StableSince: z.string(),
  LastIndex: z.number().default(0),
  LastTerm: z.number().default(0),
});
const autopilotHealthSchema = z.object({
  Healthy: z.boolean(),
  FailureTolerance: z.number(),
  Servers: z
    .array(autopilotServerSchema)
    .nullish()
    .transform((servers) => servers ?? []),
});
/** Autopilot's view; up to 2 s old, because it looks only that often. */
export type AutopilotHealth = z.infer<typeof autopilotHealthSchema>;

const autopilotConfigurationSchema = z.looseObject({
  CleanupDeadServers: z.boolean(),
  MinQuorum: z.number().default(0),
  ServerStabilizationTime: z.string(),
  LastContactThreshold: z.string(),
  MaxTrailingLogs: z.number(),
});
export type AutopilotConfiguration = z.infer<typeof autopilotConfigurationSchema>;

/** Raft, autopilot and membership. */
export class Operator {
  readonly #connection: ConsulConnection;

  constructor(connection: ConsulConnection) {
    this.#connection = connection;
  }

  async raftServers(): Promise<RaftServer[]> {
    const schema = z.object({ Servers: z.array(raftServerSchema) });
    return (await this.#connection.ask(schema, '/v1/operator/raft/configuration')).Servers;
  }

  /**
   * Has the leader hand over to the peer with that Raft id. Consul has this call from 1.15 on; before, only a server can ask
   * another one. Gives before the new leader has set itself up.
   */
  async transferLeadership(raftId: string): Promise<void> {
    await this.#connection.tell(`/v1/operator/raft/transfer-leader?id=${encodeURIComponent(raftId)}`, { method: 'POST' });
  }

  /** Consul sends 429 with the same body when a server is not healthy: that is an answer, not an error. */
  async autopilotHealth(): Promise<AutopilotHealth> {
    return this.#connection.ask(autopilotHealthSchema, '/v1/operator/autopilot/health', { alsoAnswers: [429] });
  }

  async autopilotConfiguration(): Promise<AutopilotConfiguration> {
    return this.#connection.ask(autopilotConfigurationSchema, '/v1/operator/autopilot/configuration');
  }

  /** Changes the named settings and leaves the others. */
  async changeAutopilot(changes: Partial<AutopilotConfiguration>): Promise<void> {
    const present = await this.autopilotConfiguration();
    await this.#connection.tell('/v1/operator/autopilot/configuration', { method: 'PUT', body: { ...present, ...changes } });
  }

  /** Takes a server out of Raft by its id. Asks the leader; a peer that is not there is agreed as well. */
  async removeRaftPeer(id: string): Promise<void> {
    // 1.8 answers 500 with "id … was not found in the Raft configuration" for a peer that has gone meanwhile.
    const path = `/v1/operator/raft/peer?id=${encodeURIComponent(id)}`;
    const { status, text } = await this.#connection.read(path, { method: 'DELETE', alsoAnswers: [500] });
    if (status === 500 && !text.includes('not found'))
      throw new TransientError(`Consul could not remove a Raft peer: ${text.slice(0, 300)}`);
  }

  /** Makes the others forget a failed member of that name, its place in the catalogue included. Unknown names are agreed. */
  async forceLeave(nodeName: string): Promise<void> {
    const path = `/v1/agent/force-leave/${encodeURIComponent(nodeName)}?prune`;
    const { status, text } = await this.#connection.read(path, { method: 'PUT', alsoAnswers: [404, 500] });
    if (status === 500 && !text.includes('No node found'))
      throw new TransientError(`Consul could not forget a member: ${text.slice(0, 300)}`);
  }

  /** Tells the server that is asked to leave its cluster and end. It answers when it has left, which takes about ten seconds. */
  async leave(): Promise<void> {
    await this.#connection.tell('/v1/agent/leave', { method: 'PUT' });
  }
}
