import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationOutcome, WorkflowEvent } from '@managed-consul/workflow-engine';

/** One line of a cluster's history, for the customer. */
export interface ClusterEventText {
  type: string;
  message: string;
}

type EndState = OperationOutcome['state'];

/** What is said when an operation begins and ends; a failure is followed by its own sentence. */
const SENTENCES: Readonly<Record<string, { name: string; started: string } & Record<EndState, string>>> = {
  [OPERATION_KINDS.createCluster]: {
    name: 'Create',
    started: 'The service has begun to create the cluster.',
    Succeeded: 'The cluster is ready: all servers vote, are healthy and take writes.',
    Failed: 'The cluster could not be created. What was made is kept for a look; deleting the cluster removes it.',
    Canceled: 'Creating the cluster was stopped.',
  },
  [OPERATION_KINDS.deleteCluster]: {
    name: 'Delete',
    started: 'The service has begun to delete the cluster.',
    Succeeded: 'The cluster is deleted: nothing of it is left in Azure, and its secrets are destroyed.',
    Failed: 'The cluster could not be deleted. Ask for it again when the reason is gone.',
    Canceled: 'Deleting the cluster was stopped.',
  },
  [OPERATION_KINDS.createRootToken]: {
    name: 'RootToken',
    started: 'The service has begun to make a new root token.',
    Succeeded: 'The new root token is in force; every server refuses the one before it.',
    Failed: 'The new root token could not be made, or the one before it not be revoked. Ask for a new one.',
    Canceled: 'Making the root token was stopped. Ask for a new one.',
  },
};

/** Steps whose end is news to a customer, with what is said. */
const MILESTONES: Readonly<Record<string, ClusterEventText>> = {
  deploymentIsFinished: { type: 'InfrastructureReady', message: 'Azure has made the network, the storage and the machines.' },
  everyAgentIsConnected: { type: 'ServersConnected', message: 'Every server has proved itself to the service.' },
  leaderIsElected: { type: 'LeaderElected', message: 'The servers have elected a leader.' },
  nothingIsLeft: { type: 'InfrastructureRemoved', message: 'Azure has removed the network, the storage and the machines.' },
};

/** What the customer reads about something that the engine saw; undefined for what is no news. */
export function clusterEventText(event: WorkflowEvent): ClusterEventText | undefined {
  const sentences = SENTENCES[event.operation.kind];
  if (!sentences) return undefined;
  switch (event.type) {
    case 'OperationStarted':
      return { type: `${sentences.name}Started`, message: sentences.started };
    case 'StepSucceeded':
      return MILESTONES[event.step];
    case 'StepFailed':
      // The end of the operation tells it.
      return undefined;
    case 'OperationEnded': {
      const { state, error } = event.outcome;
      return {
        type: `${sentences.name}${state}`,
        message: error && state === 'Failed' ? `${sentences[state]} ${error.message}` : sentences[state],
      };
    }
  }
}
