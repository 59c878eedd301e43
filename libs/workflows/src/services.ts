import type { AgentClient } from '@managed-consul/agent-protocol';
import type { Azure } from '@managed-consul/azure';
import type { Cluster, Database, FederationMember, Installation, Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { Bell } from '@managed-consul/operations';
import type { SecretStore } from '@managed-consul/secrets';
import type { StepContext } from '@managed-consul/workflow-engine';

/** A cluster with what belongs to it, as it was when the step began. */
export type ClusterRecord = Cluster & {
  installation: Installation;
  /** Its place in a federation; null when it is in none. */
  federation: FederationMember | null;
  /** The members: the servers that vote, in the order of their numbers. */
  serverRecords: Server[];
  /** Servers that are being added or taken out, or that an operation which failed left so. */
  unfinishedServers: Server[];
};

/** What a new machine must be told; the same for every cluster. */
export interface MachineSettings {
  /** Where agents dial. */
  gatewayUrl: string;
  /** Audience of the identity tokens that agents prove themselves with. */
  gatewayAudience: string;
  /** Authorities (PEM) of the gateway's certificate. */
  gatewayCaPem: string;
  /** SHA-256 of the agent's bundle. */
  agentBundleSha256: string;
}

/** What the lifecycle works with. */
export interface WorkflowDependencies {
  readonly azure: Azure;
  readonly agents: AgentClient;
  readonly secrets: SecretStore;
  readonly database: Database;
  readonly bell: Bell;
  readonly machines: MachineSettings;
}

/** What a step is given beside the engine's environment. */
export interface Services extends WorkflowDependencies {
  /** Fresh before every try. Of an operation on no cluster: reading it is a mistake of the service, and says so. */
  readonly cluster: ClusterRecord;
}

/** The context of a step. */
export type Step = StepContext<Services>;

/** Stands for the cluster of an operation that has none. */
export function noCluster(operationKind: string): ClusterRecord {
  return new Proxy({} as ClusterRecord, {
    get(_nothing, field) {
      // Promise machinery asks every object whether it is a promise.
      if (field === 'then') return undefined;
      const cause = new Error(`${operationKind} read ${String(field)} of a cluster, but works on none.`);
      throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.', cause);
    },
  });
}
