import { done, type StepEntry } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Services, Step } from '../services';

const passedBySchema = z.object({ passedBy: z.literal(true) });

/** Whether what a step handed to `done` says that it had nothing to do: its end is no news for the customer. */
export const isPassedBy = (output: unknown): boolean => passedBySchema.safeParse(output).success;

/** The same steps, passed by for the items for which `isSo` holds. */
export const unless = (isSo: (step: Step) => boolean, entries: readonly StepEntry<Services>[]): readonly StepEntry<Services>[] =>
  entries.map((entry) => ({ ...entry, run: async (step: Step) => (isSo(step) ? done({ passedBy: true }) : entry.run(step)) }));
