import type { Clock } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import type { OperationRecord } from './operation-record';
import type { AnyStep, OutputOf, StepEnvironment } from './step';
import type { Place, StepRow, StepRows } from './step-rows';

/** What the engine hands to one try of a step. */
export function stepEnvironment<Services extends object>(
  place: Place<Services>,
  given: { operation: OperationRecord; rows: StepRows; clock: Clock; log: Logger; signal: AbortSignal },
): StepEnvironment {
  const { rows, ...environment } = given;
  const finished = (name: string, item: string): StepRow | undefined => {
    const row = rows.find(name, item);
    return row?.state === 'Succeeded' ? row : undefined;
  };
  // Stored as NULL, which reads back as null; a step that gave nothing gave undefined.
  const outputIn = <Step extends AnyStep>(row: StepRow): OutputOf<Step> => (row.output ?? undefined) as OutputOf<Step>;
  return {
    ...environment,
    item: place.item,
    attempt: rows.find(place.step.name, place.item)?.attempts ?? 1,
    outputOf: <Step extends AnyStep>(step: Step) => {
      const row = finished(step.name, place.item) ?? finished(step.name, '');
      if (row) return outputIn<Step>(row);
      throw new TerminalError(
        'InternalError',
        'The operation cannot go on because of a mistake of the service.',
        new Error(`${place.step.name} reads the output of ${step.name}, which has not finished.`),
      );
    },
    findOutputOf: <Step extends AnyStep>(step: Step, item?: string) => {
      const row = item === undefined ? (finished(step.name, place.item) ?? finished(step.name, '')) : finished(step.name, item);
      return row && outputIn<Step>(row);
    },
  };
}
