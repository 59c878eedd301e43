import type { StepEntry, StepFunction, Workflow, WorkflowEntry, WorkflowHost } from '@managed-consul/workflow-engine';
import { succeed, type WorkflowTrial } from './workflow-trial';

/** As a step that was carried out, died before its row was written, and is carried out again. */
function twice<Services extends object>(entry: StepEntry<Services>): StepEntry<Services> {
  const run: StepFunction<Services, unknown> = async (context) => {
    await entry.run(context);
    return entry.run(context);
  };
  return { ...entry, run };
}

function everyEntryTwice<Services extends object>(entries: readonly WorkflowEntry<Services>[]): WorkflowEntry<Services>[] {
  return entries.map((entry) =>
    entry.kind === 'for-each' ? { ...entry, plan: twice(entry.plan), steps: entry.steps.map(twice) } : twice(entry),
  );
}

/** The same workflows, but that each step is carried out two times in a row, and only the second is recorded. */
export function doubled<Services extends object>(host: WorkflowHost<Services>): WorkflowHost<Services> {
  const workflows = new Map<string, Workflow<Services>>();
  for (const [kind, workflow] of host.workflows) {
    workflows.set(kind, { ...workflow, steps: everyEntryTwice(workflow.steps), onFailure: workflow.onFailure.map(twice) });
  }
  return {
    workflows,
    buildServices: (operation, item) => host.buildServices(operation, item),
    recordOutcome: (tx, operation, outcome) => host.recordOutcome(tx, operation, outcome),
    page: (operation) => host.page(operation),
    describe: (event) => host.describe(event),
  };
}

/** Proves that every step may run twice: runs each two times in a row, records only the second, and verifies the world. */
export async function everyStepTwice<Services extends object>(trial: WorkflowTrial<Services>): Promise<void> {
  await succeed({ ...trial, host: doubled(trial.host) }, 'every step ran twice');
}
