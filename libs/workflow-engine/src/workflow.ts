import type { Milliseconds } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import { DEFAULT_RETRY, type RetryRule } from './retry';
import { done, type ActionFunction, type PlanFunction, type StepFunction } from './step';

/** A step in a workflow's list. Its name is that of its function and the key of its row: renaming one orphans open work. */
export interface StepEntry<Services extends object> {
  readonly kind: 'action' | 'condition';
  readonly name: string;
  readonly run: StepFunction<Services, unknown>;
  readonly retry: RetryRule;
  /** Of a condition: what the customer is told when `retry.within` has passed. */
  readonly orFail: string | undefined;
  /** Why nothing is lost when an operator has it passed by; null when it must not be. */
  readonly skippable: string | null;
}

/**
 * That a step may be passed by, and why that is safe. Only a step that hands nothing on can be: later steps read the outputs of
 * earlier ones, and one that was skipped has none.
 */
interface Skippable {
  skippable: string;
}

/** A part of the list that is gone through once for each item of its plan. */
export interface ForEachEntry<Services extends object> {
  readonly kind: 'for-each';
  /** The plan, as an action whose stored output is the list of items. */
  readonly plan: StepEntry<Services>;
  readonly steps: readonly StepEntry<Services>[];
}

export type WorkflowEntry<Services extends object> = StepEntry<Services> | ForEachEntry<Services>;

/** A workflow as plain data: what one kind of operation does, in order. */
export interface Workflow<Services extends object> {
  /** The operation kind that it carries out. */
  readonly operation: string;
  /** Measured from the first start; past it a person is paged once and the work goes on. */
  readonly pageOperatorAfter: Milliseconds;
  readonly steps: readonly WorkflowEntry<Services>[];
  /** Run when the steps ended early, by failure or by cancel, before the operation ends. */
  readonly onFailure: readonly StepEntry<Services>[];
}

/** A step that acts on one thing. Errors that may pass are retried by `retry`. */
export function action<Services extends object>(
  step: ActionFunction<Services, undefined>,
  options: { retry?: RetryRule } & Skippable,
): StepEntry<Services>;
export function action<Services extends object>(
  step: ActionFunction<Services, unknown>,
  options?: { retry?: RetryRule },
): StepEntry<Services>;
export function action<Services extends object>(
  step: ActionFunction<Services, unknown>,
  { retry, skippable = null }: { retry?: RetryRule; skippable?: string | null } = {},
): StepEntry<Services> {
  return { kind: 'action', name: step.name, run: step, retry: { ...DEFAULT_RETRY, ...retry }, orFail: undefined, skippable };
}

/**
 * A step that looks and says `done` or `waitFor`. `within` is counted from its first look, errors included; past it the
 * operation fails with the sentence `orFail`.
 */
export function condition<Services extends object>(
  step: StepFunction<Services, undefined>,
  options: { within: Milliseconds; orFail: string } & Skippable,
): StepEntry<Services>;
export function condition<Services extends object>(
  step: StepFunction<Services, unknown>,
  options: { within: Milliseconds; orFail: string },
): StepEntry<Services>;
export function condition<Services extends object>(
  step: StepFunction<Services, unknown>,
  { within, orFail, skippable = null }: { within: Milliseconds; orFail: string; skippable?: string | null },
): StepEntry<Services> {
  return { kind: 'condition', name: step.name, run: step, retry: { within }, orFail, skippable };
}

/** Runs `steps` for each item that `plan` names, one item after the other. The list is computed once and stored. */
export function forEachServer<Services extends object>(
  plan: PlanFunction<Services>,
  steps: readonly StepEntry<Services>[],
): ForEachEntry<Services> {
  const run: ActionFunction<Services, readonly string[]> = async (context) => {
    const items = await plan(context);
    if (!items.includes('') && new Set(items).size === items.length) return done(items);
    const cause = new Error(`${plan.name} names an item twice or an empty one: ${JSON.stringify(items)}.`);
    throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.', cause);
  };
  return { kind: 'for-each', plan: { ...action(run), name: plan.name }, steps };
}

/** The steps of a part of a workflow in the order of its list, plans included. */
export function stepsOf<Services extends object>(entries: readonly WorkflowEntry<Services>[]): StepEntry<Services>[] {
  return entries.flatMap((entry) => (entry.kind === 'for-each' ? [entry.plan, ...entry.steps] : [entry]));
}

/** Defines what one kind of operation does. Throws if a step has no name, or a name appears twice. */
export function defineWorkflow<Services extends object>(definition: {
  operation: string;
  pageOperatorAfter: Milliseconds;
  steps: readonly WorkflowEntry<Services>[];
  onFailure?: readonly StepEntry<Services>[];
}): Workflow<Services> {
  const workflow = { ...definition, onFailure: definition.onFailure ?? [] };
  const names = stepsOf([...workflow.steps, ...workflow.onFailure]).map((step) => step.name);
  if (names.length === 0) throw new Error(`Workflow ${workflow.operation} has no step.`);
  if (names.includes(''))
    throw new Error(`Workflow ${workflow.operation} has a step without a name: give each step a named function.`);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`Workflow ${workflow.operation} names the step ${repeated} twice.`);
  return workflow;
}

/** All workflows of a process, by operation kind. */
export type Workflows<Services extends object> = ReadonlyMap<string, Workflow<Services>>;

/** Collects workflows. Throws if two carry out the same operation kind. */
export function defineWorkflows<Services extends object>(workflows: readonly Workflow<Services>[]): Workflows<Services> {
  const byKind = new Map<string, Workflow<Services>>();
  for (const workflow of workflows) {
    if (byKind.has(workflow.operation)) throw new Error(`Two workflows carry out ${workflow.operation}.`);
    byKind.set(workflow.operation, workflow);
  }
  return byKind;
}
