import type { OperationKind } from '@managed-consul/clusters';
import type { OperationOutcome } from '@managed-consul/workflow-engine';

/** One line of a cluster's history, for the customer. */
export interface ClusterEventText {
  type: string;
  message: string;
}

/** What a customer reads of one kind of operation, in `<operation>.events.ts` beside its workflow. */
export interface OperationEvents extends Readonly<Record<OperationOutcome['state'], string>> {
  readonly operation: OperationKind;
  /** In CamelCase; event types begin with it: `CreateStarted`, `CreateSucceeded`, `CreateFailed`, `CreateCanceled`. */
  readonly name: string;
  readonly started: string;
  /** Steps, by name, whose end is news. */
  readonly milestones?: Readonly<Record<string, ClusterEventText>>;
}
