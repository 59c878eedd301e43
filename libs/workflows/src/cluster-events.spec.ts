import type { OperationRecord, WorkflowEvent } from '@managed-consul/workflow-engine';
import { describe, expect, it } from 'vitest';
import { clusterEventText } from './cluster-events';

const operation = (kind: string): OperationRecord => ({ kind }) as OperationRecord;
const ended = (kind: string, outcome: Extract<WorkflowEvent, { type: 'OperationEnded' }>['outcome']): WorkflowEvent => ({
  type: 'OperationEnded',
  operation: operation(kind),
  outcome,
});

describe('the history of a cluster', () => {
  it('says that it is ready, and why it is not', () => {
    expect(clusterEventText(ended('create-cluster', { state: 'Succeeded' }))?.type).toBe('CreateSucceeded');
    const error = { code: 'QuotaExceeded', message: 'No quota is left.', step: 'startDeployment' };
    expect(clusterEventText(ended('create-cluster', { state: 'Failed', error }))).toEqual({
      type: 'CreateFailed',
      message: expect.stringMatching(/deleting the cluster removes it\. No quota is left\.$/) as string,
    });
  });

  it('does not blame a stop that the customer asked for on an error', () => {
    const error = { code: 'Canceled', message: 'The operation was canceled.', step: 'startDeployment' };
    expect(clusterEventText(ended('create-cluster', { state: 'Canceled', error }))?.message).toBe(
      'Creating the cluster was stopped.',
    );
  });

  it('tells milestones, not every step, and nothing of operations on no cluster', () => {
    const step = (name: string, kind = 'create-cluster', output: unknown = null): WorkflowEvent => ({
      type: 'StepSucceeded',
      operation: operation(kind),
      step: name,
      item: '',
      output,
    });
    expect(clusterEventText(step('leaderIsElected'))?.type).toBe('LeaderElected');
    expect(clusterEventText(step('storeServerTokens'))).toBeUndefined();
    expect(clusterEventText(step('leaderIsElected', 'register-installation'))).toBeUndefined();
    expect(clusterEventText(step('recordNewServer', 'resize-cluster'))?.type).toBe('ServerAdded');
    expect(clusterEventText(step('recordNewServer', 'resize-cluster', { passedBy: true }))).toBeUndefined();
  });
});
