import { TerminalError } from '@managed-consul/errors';
import { stepsOf, type BoundaryPoint, type StepBoundary } from '@managed-consul/workflow-engine';
import { driveToEnd, inWords, readOperation, type WorkflowTrial } from './workflow-trial';

/** How what a failed operation left behind is taken away. */
export interface Deletion {
  /** The operation kind on trial; its workflow's steps are failed one by one. */
  readonly kind: string;
  /** Asks for the delete of what the failed operation worked on, and gives the delete's operation id. */
  requestDelete(failedOperationId: string): Promise<string>;
  /** Throws unless nothing is left. */
  verifyDeleted(failedOperationId: string): Promise<void>;
  /** Whether the step fails before it acts, or, which leaves more behind, after it has acted (the default). */
  readonly fails?: BoundaryPoint & ('before-effect' | 'after-effect');
  /** How many operations run side by side; more than 1 only on real time. */
  readonly inParallel?: number;
}

const FAILURE = 'FailedOnTrial';

class FailingBoundary implements StepBoundary {
  constructor(
    private readonly operationId: string,
    private readonly step: string,
    private readonly at: BoundaryPoint,
  ) {}

  reached(point: BoundaryPoint, { operation, name }: { operation: { id: string }; name: string }): void {
    if (operation.id !== this.operationId || name !== this.step || point !== this.at) return;
    throw new TerminalError(FAILURE, `The trial failed ${this.step}.`);
  }
}

/** Proves that what any failure leaves behind can be deleted: fails each step of the workflow in turn, then deletes. */
export async function failedAtEveryStepThenDeletable<Services extends object>(
  trial: WorkflowTrial<Services>,
  deletion: Deletion,
): Promise<string[]> {
  const workflow = trial.host.workflows.get(deletion.kind);
  if (!workflow) throw new Error(`There is no workflow for ${deletion.kind}.`);
  const names = stepsOf(workflow.steps).map((step) => step.name);
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await failAndDelete(trial, deletion, name);
  };
  await Promise.all(Array.from({ length: deletion.inParallel ?? 1 }, worker));
  return names;
}

async function failAndDelete<Services extends object>(
  trial: WorkflowTrial<Services>,
  deletion: Deletion,
  step: string,
): Promise<void> {
  const id = await trial.request();
  const failed = await driveToEnd(trial, id, new FailingBoundary(id, step, deletion.fails ?? 'after-effect'));
  if (failed.state !== 'Failed' || failed.errorCode !== FAILURE) {
    throw new Error(`The operation should have failed in ${step}: ${JSON.stringify(failed)}`);
  }
  const deleteId = await deletion.requestDelete(id);
  await driveToEnd(trial, deleteId);
  const deleted = await readOperation(trial.database, deleteId);
  if (deleted.state !== 'Succeeded') throw new Error(`Not deletable after ${step} failed: ${JSON.stringify(deleted)}`);
  await inWords(`it was deleted after ${step} had failed`, () => deletion.verifyDeleted(id));
}
