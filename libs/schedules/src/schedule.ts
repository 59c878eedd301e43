import type { AgentClient } from '@managed-consul/agent-protocol';
import type { Azure } from '@managed-consul/azure';
import type { ScheduleKind } from '@managed-consul/clusters';
import type { Clock, Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import type { Bell } from '@managed-consul/operations';
import type { SecretStore } from '@managed-consul/secrets';

/** What schedules look with, and ask for operations with. */
export interface ScheduleDependencies {
  readonly database: Database;
  readonly bell: Bell;
  readonly azure: Azure;
  readonly agents: AgentClient;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Between two looks of the observer at a cluster. */
  readonly observeEvery: Milliseconds;
  /** Between two looks at what a cluster has in Azure. */
  readonly inspectEvery: Milliseconds;
  /** How long the service waits for what gets well by itself before it repairs. */
  readonly repairAfter: Milliseconds;
}

/** One look at one cluster. */
export interface Look {
  readonly now: Date;
  /** When this look was due; long ago if the service was away, or could not do what was due. */
  readonly dueAt: Date;
  /** Aborted when the look takes too long, or the process stops. */
  readonly signal: AbortSignal;
}

/** What was due could not be done now: it stays due since then, and is looked at again at this time. */
export interface StillDue {
  readonly lookAgainAt: Date;
}

/**
 * Something that the service does for clusters unasked. A schedule looks, records what it saw, and requests operations; it
 * changes nothing in Azure or Consul itself. A look may happen twice.
 */
export interface Schedule {
  readonly kind: ScheduleKind;
  /** Looks of this kind that may go on at the same time in a process; without it what the process allows for each kind. */
  readonly places?: number;
  /**
   * Looks at one cluster and gives when the next look is due, or undefined when the cluster needs this schedule no more. If it
   * throws, the look is tried again a little later, as when it says that it is still due.
   */
  run(clusterId: string, look: Look): Promise<Date | StillDue | undefined>;
}

/** Makes one schedule around what it works with. */
export type ScheduleFactory = (dependencies: ScheduleDependencies) => Schedule;
