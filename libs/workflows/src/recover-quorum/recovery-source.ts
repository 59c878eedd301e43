import type { RecoverQuorumInput } from '@managed-consul/clusters';
import { done, type StepEntry } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Services, Step } from '../services';

const inputSchema = z.object({ from: z.enum(['survivors', 'snapshot']) });

/** What the cluster is recovered from. */
export const recoversFrom = ({ operation }: Pick<Step, 'operation'>): RecoverQuorumInput['from'] =>
  inputSchema.parse(operation.input).from;

/** The same steps, passed by when the cluster is recovered from something else. */
export const onlyFrom = (
  from: RecoverQuorumInput['from'],
  entries: readonly StepEntry<Services>[],
): readonly StepEntry<Services>[] =>
  entries.map((entry) => ({
    ...entry,
    run: async (step: Step) => (recoversFrom(step) === from ? entry.run(step) : done()),
  }));
