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

/** Raft and autopilot. */
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
}
